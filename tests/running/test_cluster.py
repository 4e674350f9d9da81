"""Frames on a Dask cluster: scheduler and workers as their commands start them, on real sockets; some are killed."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address

import distributed
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

import photcalibration
from photzp.errors import WORKER_DIED
from tests.support.runs import ROOT, SAME, arguments, assert_same_run, kill, rows, running, until, writing_end

LIST_FRAMES = photcalibration._list_frames


class Cluster:
    """A scheduler and its workers, processes of their own that find our modules in a directory."""

    def __init__(self, place, modules=ROOT, protocol='tcp'):
        self.place, self.modules, self.started = place, modules, []
        place.mkdir(exist_ok=True)
        self.scheduler = self._run('scheduler', '--host', '127.0.0.1', '--port', '0', '--protocol', protocol,
                                   '--no-dashboard', '--no-jupyter', '--scheduler-file', 'scheduler.json')
        file = place / 'scheduler.json'
        self.address = json.loads(until(lambda: file.exists() and file.read_text()))['address']

    def _run(self, *command, modules=None):
        path = os.pathsep.join([str(modules or self.modules), os.environ.get('PYTHONPATH', '')])
        with open(self.place / 'log', 'a') as log:
            self.started.append(subprocess.Popen(
                [sys.executable, '-m', 'dask', *command], cwd=self.place, stdout=log, stderr=log,
                env={**os.environ, 'PYTHONPATH': path, 'OMP_NUM_THREADS': '1'}))
        return self.started[-1]

    def worker(self, nanny='--no-nanny', modules=None):
        """Start one more."""
        return self._run('worker', self.address, nanny, '--nthreads', '1', '--no-dashboard', '--host', '127.0.0.1',
                         modules=modules)

    def end(self):
        for process in self.started:
            process.kill()
            process.wait()


@pytest.fixture
def make_cluster(tmp_path):
    """Callable that starts a cluster without workers; all end with the test."""
    made = []

    def make(**settings):
        made.append(Cluster(tmp_path / f'cluster{len(made)}', **settings))
        return made[-1]

    yield make
    for cluster in made:
        cluster.end()


@pytest.fixture(scope='module')
def cluster(tmp_path_factory):
    """A cluster of two workers, for tests that leave it as it is."""
    cluster = Cluster(tmp_path_factory.mktemp('cluster'))
    for _ in range(2):
        cluster.worker()
    yield cluster
    cluster.end()


def start(night, database, cluster, *more, ps1=None):
    return subprocess.Popen([sys.executable, str(ROOT / 'photcalibration.py'), *arguments(
        night, database, '--scheduler', cluster.address, *more, ps1=ps1)], stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL, text=True, cwd=database.parent)


def test_rows_and_log_are_those_of_one_machine(night, alone, cluster, tmp_path, monkeypatch, capsys):
    """Also with places given relative to a working directory that is not that of the workers."""
    capsys.readouterr()
    monkeypatch.chdir(night.root)
    assert photcalibration.main([*arguments(night, tmp_path / 'x.db', '--scheduler', cluster.address, ps1='ps1'),
                                 '--imagerootdir', 'archive']) == 1
    assert_same_run(capsys.readouterr().err, alone, tmp_path / 'x.db')


def test_a_worker_that_is_killed_costs_one_frame_at_most(night, alone, pitfall, make_cluster, tmp_path):
    """Two die over the same frame, the second with nothing beside it; one that joins takes the place of the first."""
    cluster, (place, pipe, frame) = make_cluster(), pitfall
    cluster.worker()
    with start(night, tmp_path / 'x.db', cluster, ps1=place) as process:
        for _ in range(2):
            kill(os.getpid(), pipe)
            cluster.worker()
        said = process.stderr.read()
    assert process.returncode == 1, said  # one frame of the night cannot be read
    assert frame in next(line for line in said.splitlines() if 'WARNING a worker process died' in line)
    assert f'died over {frame} while no other was running' in said
    assert 'Traceback' not in said
    assert rows(tmp_path / 'x.db', f"select name, retry from photreject where reason = '{WORKER_DIED.name}'") == [
        [frame, 1]]
    assert rows(tmp_path / 'x.db', SAME) == [row for row in rows(alone, SAME) if row[0] != frame]


def certificate(place):
    """Files of a key and of a certificate that is its own authority, for this host."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, '127.0.0.1')])
    begin = datetime.now(UTC) - timedelta(days=1)
    made = (x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begin,
                                    begin + timedelta(days=9))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address('127.0.0.1'))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(key, SHA256()))
    files = place / 'key.pem', place / 'certificate.pem'
    files[0].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    files[1].write_bytes(made.public_bytes(Encoding.PEM))
    return files


def test_a_cluster_may_be_encrypted(night, alone, make_cluster, tmp_path, monkeypatch):
    """Who asks without a certificate, or in plain text where Dask requires encryption, gets one line and status 2."""
    key, own = certificate(tmp_path)
    comm = 'DASK_DISTRIBUTED__COMM__'
    monkeypatch.setenv(f'{comm}TLS__CA_FILE', str(own))
    for role in ('SCHEDULER', 'WORKER', 'CLIENT'):
        monkeypatch.setenv(f'{comm}TLS__{role}__KEY', str(key))
        monkeypatch.setenv(f'{comm}TLS__{role}__CERT', str(own))
    monkeypatch.setenv(f'{comm}REQUIRE_ENCRYPTION', 'true')
    cluster = make_cluster(protocol='tls')
    assert cluster.address.startswith('tls://')
    cluster.worker()
    with start(night, tmp_path / 'x.db', cluster, '--cameratype', 'kb') as process:
        said = process.stderr.read()
    assert process.returncode < 2, said
    measured = rows(tmp_path / 'x.db', SAME)
    assert len(measured) >= 2
    assert measured == rows(alone, "select * from lcophot where camera like 'kb%' order by name")
    cluster.address = cluster.address.replace('tls:', 'tcp:')
    with start(night, tmp_path / 'y.db', cluster) as process:
        said = process.stderr.read()
    assert (process.returncode, 'Traceback' in said) == (2, False)
    assert 'requires encryption' in said.splitlines()[-1]
    cluster.address = cluster.address.replace('tcp:', 'tls:')
    monkeypatch.delenv(f'{comm}TLS__CA_FILE')
    with start(night, tmp_path / 'y.db', cluster) as process:
        said = process.stderr.read()
    assert (process.returncode, 'Traceback' in said) == (2, False)
    assert 'no certificates' in said.splitlines()[-1]


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_keeps_its_rows_and_leaves_nothing_to_do(number, night, alone, cluster, tmp_path):
    with start(night, tmp_path / 'x.db', cluster) as process:
        next(line for line in process.stderr if ' zp ' in line)
        process.send_signal(number)
        said = process.stderr.read()
    assert process.returncode == 128 + number
    assert 'Traceback' not in said
    kept = rows(tmp_path / 'x.db', SAME)
    assert 1 <= len(kept) < len(rows(alone, SAME))
    assert [row for row in rows(alone, SAME) if row in kept] == kept
    with distributed.Client(cluster.address, set_as_default=False) as client:
        until(lambda: not client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)))
    assert all(map(running, (worker.pid for worker in cluster.started)))


def refusal(night, database, capsys, address, *more):
    """The one line of a run that cannot begin or go on."""
    capsys.readouterr()
    assert photcalibration.main(arguments(night, database, '--scheduler', address, *more)) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if ' INFO ' not in line]
    assert len(lines) == 1, lines
    return lines[0].partition(' ERROR ')[2]


def test_a_scheduler_that_does_not_answer_is_named_without_what_may_be_secret(night, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr('photzp.running.cluster._CONNECT_S', 1)
    with socket.socket() as nobody:
        nobody.bind(('127.0.0.1', 0))
        address = f'127.0.0.1:{nobody.getsockname()[1]}'
        assert f'{address}: no scheduler answers within 1 s' in refusal(night, tmp_path / 'x.db', capsys, address)
    for address, why in {'here': 'missing port', 'http://here:1': 'unknown address scheme',
                         'tls://here:1': 'certificates', 'tcp://me:hush@here:1': 'is no address'}.items():
        said = refusal(night, tmp_path / 'x.db', capsys, address)
        assert why in said
        assert 'hush' not in said
    assert not any('hush' in text for text, in rows(tmp_path / 'x.db', 'select options from photrun'))
    monkeypatch.setitem(sys.modules, 'distributed', None)
    said = refusal(night, tmp_path / 'x.db', capsys, address)
    assert "install requirements-dask.txt of the checkout, or pip install 'photzp[dask]'" in said


def test_a_result_that_a_slow_scheduler_does_not_get_through_is_asked_for_again(night, alone, cluster, tmp_path,
                                                                                monkeypatch, capsys):
    """Every other request for what workers have done fails, as if it had timed out."""
    request, asked = distributed.client.retry_operation, []

    async def unsteady(*arguments, **settings):
        asked.append(settings)
        if len(asked) % 2:
            raise TimeoutError
        return await request(*arguments, **settings)

    monkeypatch.setattr(distributed.client, 'retry_operation', unsteady)
    monkeypatch.setattr('photzp.running.cluster.CHECK_S', 0.01)
    capsys.readouterr()
    assert photcalibration.main(arguments(night, tmp_path / 'x.db', '--scheduler', cluster.address)) == 1
    assert_same_run(capsys.readouterr().err, alone, tmp_path / 'x.db')
    assert len(asked) >= 2


def listed_elsewhere(root, options, observatory, today):
    """The frames there are, as if they were in a directory that only this machine has."""
    listing = LIST_FRAMES(options, observatory, today)
    options.imagerootdir = str(root)
    return listing


def test_an_unusable_cluster_is_refused_with_the_reason(night, make_cluster, tmp_path, capsys, monkeypatch):
    """No worker; one with other modules; one that does not see the frames; a scheduler without our modules."""
    monkeypatch.setattr('photzp.running.cluster._WORKER_S', 1)
    cluster, without = make_cluster(), make_cluster(modules=tmp_path)
    assert 'no worker for 1 s' in refusal(night, tmp_path / 'x.db', capsys, cluster.address)
    monkeypatch.setattr('photzp.running.cluster._WORKER_S', 60)
    shutil.copytree(ROOT / 'photzp', tmp_path / 'other' / 'photzp')
    for path in ROOT.glob('*.py'):
        shutil.copy(path, tmp_path / 'other')
    with open(tmp_path / 'other' / 'photzp' / 'calibration' / 'zeropoint.py', 'a') as file:
        file.write('# changed')
    other = cluster.worker(modules=tmp_path / 'other')
    assert re.match(r'the code is \w{12} here and \w{12} on a worker.*\(worker tcp://127', refusal(
        night, tmp_path / 'x.db', capsys, cluster.address))
    other.kill()
    cluster.worker()
    monkeypatch.setattr(photcalibration, '_list_frames', partial(listed_elsewhere, tmp_path / 'nowhere'))
    assert re.match('.*/nowhere: is not there, empty, or not readable', refusal(
        night, tmp_path / 'x.db', capsys, cluster.address))
    without.worker()
    assert "lack what they are to run (No module named 'photzp')" in refusal(
        night, tmp_path / 'x.db', capsys, without.address)


def test_a_scheduler_that_is_lost_ends_the_run_which_keeps_its_rows(night, alone, make_cluster, tmp_path):
    cluster = make_cluster()
    cluster.worker()
    with start(night, tmp_path / 'x.db', cluster) as process:
        next(line for line in process.stderr if ' zp ' in line)
        cluster.scheduler.kill()
        said = process.stderr.read()
    assert process.returncode == 2
    assert re.search('ERROR --scheduler .*: the scheduler was lost or restarted', said)
    assert 'Traceback' not in said
    kept = rows(tmp_path / 'x.db', SAME)
    assert 1 <= len(kept) < len(rows(alone, SAME))


def test_workers_that_somebody_restarts_are_used_again(night, alone, pitfall, make_cluster, tmp_path):
    """On a cluster that others use, too: the scheduler forgets what was asked for, then the worker dies."""
    cluster, (place, pipe, _) = make_cluster(), pitfall
    cluster.worker('--nanny')
    with start(night, tmp_path / 'x.db', cluster, ps1=place) as process:
        end = until(lambda: writing_end(pipe))
        with distributed.Client(cluster.address, set_as_default=False) as client:
            client.restart()
        os.close(end)
        while process.poll() is None:
            if end := writing_end(pipe):
                os.close(end)  # whoever waits goes on
            time.sleep(0.05)
        said = process.stderr.read()
    assert process.returncode == 1, said
    assert_same_run(said, alone, tmp_path / 'x.db')


def test_a_cluster_and_processes_exclude_each_other(capsys):
    with pytest.raises(SystemExit, match='2'):
        photcalibration.main(['--site', 'lsc', '--scheduler', 'tcp://x:1', '--processes', '2'])
    assert '--scheduler and --processes exclude each other' in capsys.readouterr().err
