# One image for every program: they share most of what they need, and it is built once.
FROM python:3.11-slim-bookworm

# Java for the cold path.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends openjdk-17-jre-headless \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/connected-cars
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore XDG_CACHE_HOME=/opt/cache

# The locked dependencies, one file a program; and setuptools, to install the project itself.
COPY requirements requirements
RUN sed -n '/^setuptools==/,/[^\\]$/p' requirements/dev.txt > /tmp/build.txt \
    && pip install --require-hashes -r /tmp/build.txt \
        -r requirements/simulator.txt -r requirements/gateway.txt -r requirements/hot-path.txt -r requirements/cold-path.txt \
        -r requirements/api.txt -r requirements/stack.txt \
    && rm /tmp/build.txt

# Spark's connectors, checksums verified; before the code, so that a change of code does not fetch them again.
COPY contracts/__init__.py contracts/errors.py contracts/
COPY stack/__init__.py stack/jars.py stack/spark.xml stack/spark.sha256 stack/
RUN python -c 'from pathlib import Path; from stack.jars import fetch_jars; \
fetch_jars("spark", java=Path("/usr/bin/java"), cache=Path("/opt/cache/connected-cars"))'

COPY . .
RUN pip install --no-deps --no-build-isolation . \
    && useradd --uid 10001 --create-home cars \
    && mkdir -p /data/var/lake /data/var/views /data/var/store /data/var/api /data/var/notifier /data/var/truth /data/var/logs \
    && chown -R cars:cars /data

# The programs keep everything under var/ of where they run.
WORKDIR /data
USER cars
CMD ["stack", "--help"]
