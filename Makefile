# make demo: see it run.  make test: pass the tests.  Both set up .venv themselves; only Python >= 3.11 is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= demo
SCREENSHOTS ?= screenshots
unexport AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_S3_BUCKET AWS_DEFAULT_REGION AWS_REGION \
	PHOTZP_ENVFILE AWS_PROFILE AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3 AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE
# Tests start many processes, and pytest rewrites every test file unless it may keep what it wrote.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo screenshots test torture audit lint lint-jenkinsfile lint-pages bench accuracy accuracy-nights accuracy-years image-rehearsal lock clean

demo: $(VENV)/.ready
	$(BIN)/python -m examples.demo $(DEMO)

# The page of the demo on a desktop, a wall screen, a phone, in the dark and on paper; needs Chromium.
screenshots: $(VENV)/.ready $(DEMO)/report/index.html
	$(BIN)/python -m tests.support.screenshots $(DEMO)/report $(SCREENSHOTS)

$(DEMO)/report/index.html: | $(VENV)/.ready
	$(BIN)/python -m examples.demo $(DEMO)

test: $(VENV)/.ready
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

# Modules whose public names have docstrings of numpydoc.
DOCUMENTED = $(wildcard *.py photzp/*.py photzp/*/*.py simulation/*.py examples/*.py)

# Break everything on purpose; takes minutes.
torture: $(VENV)/.ready
	$(BIN)/python -m benchmarks.torture

lint: $(VENV)/.ready lint-jenkinsfile lint-pages
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/numpydoc lint $(DOCUMENTED)
	$(BIN)/python -m tests.support.lengths
	$(BIN)/shellcheck .ci/run deploy/*.sh
	$(BIN)/hadolint Dockerfile
	$(BIN)/yamllint --strict .
	$(BIN)/pymarkdown scan *.md docs/*.md deploy/kubernetes/*.md

# The linter of Jenkinsfiles is a Java program in an npm package; left out where there is no npm or Java.
lint-jenkinsfile:
	@if command -v npx >/dev/null && command -v java >/dev/null; then \
		npx --yes npm-groovy-lint@14.6.0 --noserver --failon info Jenkinsfile; \
	elif [ -n "$$PHOTZP_REQUIRE_ALL" ]; then echo "npx and java are needed to lint the Jenkinsfile"; exit 1; \
	else echo "no npx or java here: the Jenkinsfile is not linted"; fi

# So is the checker of HTML, which sees sample pages and those of the demo, if it was run.  It takes a file's neighbours
# for another origin than the page's own, and does not know vector-effect, a property of SVG 2.
lint-pages: $(VENV)/.ready
	@if command -v npx >/dev/null && command -v java >/dev/null; then \
		pages=$$(mktemp -d) && $(BIN)/python -m tests.support.samplepages $$pages && \
		npx --yes --ignore-scripts vnu-jar@26.9.27 --Werror \
			--filterpattern '.*(violates Content Security Policy|vector-effect).*' $$pages/*.html $(wildcard $(DEMO)/report/*.html) && rm -r $$pages; \
	elif [ -n "$$PHOTZP_REQUIRE_ALL" ]; then echo "npx and java are needed to check the pages"; exit 1; \
	else echo "no npx or java here: the pages are not checked for valid HTML"; fi

# Do the lines of the Dockerfile without a container engine; needs root and debootstrap.
image-rehearsal: $(VENV)/.ready
	$(BIN)/python deploy/rehearse_image.py

# Known vulnerabilities of what the container holds; says so where no advisories can be reached.
audit: $(VENV)/.ready
	$(BIN)/python deploy/audit.py

# Pin the newest versions that requirements allow, by hash: of what the container holds, and of what builds the wheel.
LOCKED := --quiet --universal --python-version 3.13 --generate-hashes --no-header --no-annotate --upgrade
lock: $(VENV)/.ready
	$(BIN)/uv pip compile requirements-postgresql.txt $(LOCKED) --output-file requirements.lock
	grep '^setuptools' requirements-dev.txt | $(BIN)/uv pip compile - $(LOCKED) --output-file requirements-build.txt

bench: $(VENV)/.ready
	$(BIN)/python -m benchmarks.speed.calibration
	$(BIN)/python -m benchmarks.speed.start
	$(BIN)/python -m benchmarks.speed.processes
	$(BIN)/python -m benchmarks.speed.database
	$(BIN)/python -m benchmarks.speed.report --times 10

accuracy: $(VENV)/.ready
	$(BIN)/python -m benchmarks.accuracy.frames
	$(BIN)/python -m benchmarks.accuracy.repeatability

accuracy-nights: $(VENV)/.ready
	$(BIN)/python -m benchmarks.accuracy.nights

accuracy-years: $(VENV)/.ready
	$(BIN)/python -m benchmarks.accuracy.realnights
	$(BIN)/python -m benchmarks.accuracy.throughput
	$(BIN)/python -m benchmarks.accuracy.colourterms
	$(BIN)/python -m benchmarks.accuracy.answers
	$(BIN)/python -m benchmarks.accuracy.realseries

clean:
	rm -rf $(VENV) $(DEMO) $(SCREENSHOTS) .pytest_cache .ruff_cache .hypothesis build dist *.egg-info

# The catalogues of two real frames come in a package of which only the data are used, so without its dependencies.
$(VENV)/.ready: $(wildcard requirements*.txt)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: lco-banzai==1.40.0 \
		|| echo "lco-banzai has no wheel for this Python or system: the two real frames are left out"
	touch $@
