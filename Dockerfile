# The server, for `docker build -t monai-landmarks .` and
#   docker run --rm -p 127.0.0.1:8000:8000 -e LANDMARKS_TOKEN -v /data/eyes:/studies -v landmarks:/data monai-landmarks
# (--gpus all with the NVIDIA container toolkit). Networks and logs are kept in the volume /data. Options of `serve` may follow,
# among them another --studies, such as the address of a PACS.
FROM python:3.12-slim

ARG TORCH_INDEX=""
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY monai_ext monai_ext
COPY apps apps
COPY slicer_module slicer_module
# TORCH_INDEX: a package index of PyTorch's CPU builds, for an image a third as large.
RUN if [ -n "$TORCH_INDEX" ]; then pip install --no-cache-dir --index-url "$TORCH_INDEX" torch torchvision; fi \
    && pip install --no-cache-dir ".[server,dicom-sr]" \
    && rm -rf /src

RUN useradd --create-home --uid 1000 landmarks && mkdir /data /studies && chown landmarks /data /studies
USER landmarks
WORKDIR /data
ENV XDG_STATE_HOME=/data/state PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["monai-landmarks", "serve", "--studies", "/studies", "--host", "0.0.0.0"]
