# A single-user image for JupyterHub: docker build -t init-and-regularization .
# Then, in jupyterhub_config.py: c.DockerSpawner.image = "init-and-regularization"
# A learner's home is /home/learner; the course is copied there when a server starts for the first
# time, so that answers live on the learner's volume and a newer image does not overwrite them.
# The image holds no oracle: helpers/instructor and notebooks/source are left out (.dockerignore).
FROM python:3.11-slim

# The version of the hub that starts it; the two should be of the same minor version.
ARG JUPYTERHUB_VERSION=6.1.1
# Where pip looks first; name PyTorch's CPU index here, else the image has gigabytes of GPU libraries.
ARG PIP_EXTRA_INDEX_URL=

RUN useradd --create-home --uid 1000 learner
COPY . /opt/course
WORKDIR /opt/course
RUN pip install --no-cache-dir -r requirements.txt "jupyterhub==${JUPYTERHUB_VERSION}"

ENV JUPYTER_CONFIG_PATH=/opt/course/.jupyter \
    COURSE_PROGRESS=/home/learner/.progress.json \
    COURSE_LABBOOK=/home/learner/.labbook.jsonl
USER learner
WORKDIR /home/learner
EXPOSE 8888
CMD ["sh", "-c", "cp -rn /opt/course/notebooks . && exec jupyterhub-singleuser --ip=0.0.0.0"]
