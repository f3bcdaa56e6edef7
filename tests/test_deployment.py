"""The files for deployment: valid by Kubernetes' schemas, and their commands run."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
KUBERNETES = ROOT / "deploy" / "kubernetes"
MANIFESTS = sorted(path for path in KUBERNETES.rglob("*.yaml") if path.name != "kustomization.yaml")
KUSTOMIZATIONS = sorted(KUBERNETES.rglob("kustomization.yaml"))
DOCKERFILE = (ROOT / "Dockerfile").read_text()
GUIDE = (ROOT / "docs" / "deployment.md").read_text()
KUBERNETES_VERSION = "1.31"


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_each_manifest_is_valid(path: Path) -> None:
    """By the schemas of Kubernetes itself, with nothing that it does not know."""
    kubernetes_validate = pytest.importorskip("kubernetes_validate")

    kubernetes_validate.validate(load(path), KUBERNETES_VERSION, strict=True)


@pytest.mark.parametrize("path", KUSTOMIZATIONS, ids=lambda path: path.parent.name)
def test_each_kustomization_names_files_that_are_there(path: Path) -> None:
    """And no manifest is forgotten."""
    resources = load(path)["resources"]

    assert all((path.parent / resource).exists() for resource in resources)
    own = {file.name for file in path.parent.glob("*.yaml")} - {"kustomization.yaml"}
    assert own == {resource for resource in resources if not resource.startswith("..")}


def pods() -> list[Any]:
    """The pods that the manifests make, by their file."""
    manifests = map(load, MANIFESTS)
    return [m["spec"]["template"]["spec"] for m in manifests if "template" in m.get("spec", {})]


def test_no_pod_runs_as_root_or_writes_to_its_root() -> None:
    """Whatever is added."""
    assert len(pods()) == 3
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            own = container["securityContext"]
            assert own["readOnlyRootFilesystem"] is True
            assert own["allowPrivilegeEscalation"] is False
            assert own["capabilities"] == {"drop": ["ALL"]}


def test_what_a_pod_mounts_is_there() -> None:
    """A volume of the pod, or of its claim."""
    for pod in pods():
        there = {volume["name"] for volume in pod.get("volumes", [])} | {"data"}
        mounted = {m["name"] for c in pod["containers"] for m in c["volumeMounts"]}
        assert mounted <= there


def environment_of_image() -> dict[str, str]:
    """What the Dockerfile sets."""
    joined = DOCKERFILE.replace("\\\n", " ")
    [line] = re.findall(r"^ENV (.*)$", joined, re.MULTILINE)
    return dict(word.split("=", 1) for word in shlex.split(line))


def instruction(name: str) -> list[str]:
    """The words of an instruction in JSON form."""
    [words] = re.findall(rf"^\s*{name} (\[.*\])$", DOCKERFILE, re.MULTILINE)[-1:]
    return [str(word) for word in json.loads(words)]


def test_the_image_s_commands_run(tmp_path: Path) -> None:
    """Its entry point, its command and its health check, in a plain environment."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    scripts = str(Path(sys.executable).parent)
    environment = environment_of_image() | {
        "CHAOSIQ_CONSOLE_DATA": str(tmp_path),
        "CHAOSIQ_CONSOLE_PORT": str(port),
        "HOME": str(tmp_path),
        "PATH": scripts + os.pathsep + os.environ["PATH"],
    }
    [check] = re.findall(r"^\s+CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    with (tmp_path / "log").open("w") as log:
        console = subprocess.Popen(
            [*instruction("ENTRYPOINT"), *instruction("CMD")],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert console.stdout is not None
        assert console.stdout.readline().startswith("Console ready at ")
        healthy = subprocess.run(json.loads(check), env=environment, timeout=60, check=False)
    finally:
        console.send_signal(signal.SIGTERM)
        console.communicate(timeout=60)
    unhealthy = subprocess.run(
        json.loads(check), env=environment, timeout=60, check=False, stderr=subprocess.DEVNULL
    )

    assert healthy.returncode == 0
    assert unhealthy.returncode != 0
    assert console.returncode == 0


def test_the_image_has_no_root_and_no_package_manager_of_python() -> None:
    """In its last stage, which is what is shipped."""
    last = DOCKERFILE.rpartition("FROM ")[2]

    assert "pip uninstall" in last
    assert re.search(r"^USER 10001", last, re.MULTILINE)


def test_the_composition_and_the_image_agree() -> None:
    """What is mounted is what the image writes to."""
    console = load(ROOT / "compose.yaml")["services"]["console"]

    assert console["read_only"] is True
    assert console["volumes"] == [f"console:{environment_of_image()['CHAOSIQ_CONSOLE_DATA']}"]


def test_variables_in_the_files_are_known() -> None:
    """A variable that nothing reads would be a setting that does nothing."""
    files = [ROOT / "Dockerfile", ROOT / "compose.yaml", *MANIFESTS]
    pattern = re.compile(r"\bCHAOSIQ_[A-Z_]+\b")
    named = {name for file in files for name in pattern.findall(file.read_text())}
    docs = "".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))

    assert named
    assert {name for name in named if name not in docs} == set()


def test_the_proxies_wait_longer_than_questions_are_held() -> None:
    """And take bodies as large as the console does."""
    from chaoscloud.console.config import MEBIBYTE, Config

    [timeout] = re.findall(r"proxy_read_timeout (\d+)s", GUIDE)
    limit = Config(database_url="", data=ROOT).body_limit
    assert int(timeout) > 60
    assert f"client_max_body_size {limit // MEBIBYTE}m" in GUIDE
    assert "proxy_buffering off" in GUIDE
