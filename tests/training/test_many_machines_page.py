"""docs/many_machines.md: its commands are run as they stand, on this machine's loopback."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.training.team import free_ports

PAGE = (Path(__file__).parents[2] / "docs" / "many_machines.md").read_text("utf-8")
FENCED = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.S | re.M)
BLOCKS = {kind: [text for found, text in FENCED if found == kind] for kind, _ in FENCED}
SRUN = """#!/bin/bash
# one node, two tasks
while [[ $1 == --* ]]; do shift; done
export SLURM_NTASKS=2 SLURM_NNODES=1
SLURM_PROCID=0 SLURM_LOCALID=0 "$@" & first=$!
SLURM_PROCID=1 SLURM_LOCALID=1 "$@" & second=$!
wait $first && wait $second
"""


@pytest.fixture(scope="module")
def place(samples, tmp_path_factory):
    """Where the page's commands run: with its plays, and programs that stand for Slurm's."""
    folder = tmp_path_factory.mktemp("place")
    samples["char_lm"].write(folder).rename(folder / "plays.txt")
    (folder / "bin").mkdir()
    programs = {"scontrol": '#!/bin/bash\n[ "$*" = "show hostnames here" ] && echo 127.0.0.1\n'}
    programs["srun"] = SRUN
    for name, text in programs.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    return folder


def run(scripts: list[str], place: Path, **more) -> list[str]:
    """Scripts of bash, all at the same time; what each printed."""
    path = os.pathsep.join([str(place / "bin"), str(Path(sys.executable).parent)])
    environment = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}", **more}
    environment["TF_NUM_INTRAOP_THREADS"] = "1"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    begun = [
        subprocess.Popen(["bash", "-c", one], cwd=place, env=environment, **pipes)
        for one in scripts
    ]
    try:
        said = [one.communicate(timeout=500) for one in begun]
    finally:
        for one in begun:
            one.kill()
    assert [one.returncode for one in begun] == [0] * len(begun), said
    return [out.strip() for out, _ in said]


def here(text: str, hosts: list[str]) -> str:
    """The page's hosts as this machine, its preset as the smallest."""
    for host, port in zip(hosts, free_ports(len(hosts)), strict=True):
        assert f"{host}:2222" in text
        text = text.replace(f"{host}:2222", f"127.0.0.1:{port}")
    assert "--preset small" in text
    return text.replace("--preset small", "--preset tiny --set epoch_steps=4")


def test_the_commands_for_one_machine_and_for_two_train_the_same(place):
    mirrored, by_hand = BLOCKS[""]
    (alone,) = here(mirrored, []).splitlines()
    assert alone.endswith("--distribute mirrored")
    run([f"{alone}:2"], place)
    (place / "runs" / "plays").rename(place / "mirrored")
    first, second = here(by_hand, ["host0", "host1"]).splitlines()
    assert run([first, second], place) == ["runs/plays", ""]
    one, other = (
        np.load(folder / "checkpoints" / "last.npz")
        for folder in (place / "mirrored", place / "runs" / "plays")
    )
    for key in sorted(set(one.files) - {"state"}):
        np.testing.assert_allclose(other[key], one[key], atol=1e-6, err_msg=key)


def test_slurm_s_script_gives_every_task_its_place(place):
    (script,) = BLOCKS["bash"]
    (options,) = re.findall(r"^#SBATCH (.*)$", script, re.M)
    assert {"--nodes=2", "--ntasks-per-node=4", "--requeue"} <= set(options.split())
    given = {"SLURM_JOB_NODELIST": "here", "SLURM_JOB_ID": str(os.getpid())}
    assert run([here(script, [])], place, **given) == ["runs/plays"]


def test_kubernetes_manifest_gives_every_pod_its_place(place):
    (text,) = BLOCKS["yaml"]
    service, job = yaml.safe_load_all(text)
    name, pod = job["metadata"]["name"], job["spec"]["template"]["spec"]
    assert service["metadata"]["name"] == pod["subdomain"]
    assert service["spec"]["selector"] == {"job-name": name}
    assert service["spec"]["clusterIP"] == "None"
    assert (job["spec"]["completionMode"], job["spec"]["completions"]) == ("Indexed", 2)
    (container,) = pod["containers"]
    assert container["command"] == ["bash", "-c"]
    (script,) = container["args"]
    hosts = [f"{name}-{number}.{pod['subdomain']}" for number in range(2)]
    script = here(script, hosts)
    numbered = [f"export JOB_COMPLETION_INDEX={number}\n{script}" for number in range(2)]
    assert run(numbered, place) == ["runs/plays", ""]


def test_the_code_for_jax_runs_on_two_devices():
    (code,) = BLOCKS["python"]
    ((words),) = re.findall(r"`(JAX_PLATFORMS=cpu\s+XLA_FLAGS=\S+)`", PAGE)
    more = dict(word.split("=", 1) for word in shlex.split(words))
    code += "\nimport json; print(json.dumps(len(model.weights[0].value.devices())))"
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, env=os.environ | more, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == 2
