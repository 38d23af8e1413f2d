"""One search by several processes: a chief that chooses, workers that train."""

import json
import os
import socket
import subprocess
import sys


def test_two_workers_share_the_trials_of_one_chief(tmp_path, samples):
    source = samples["char_lm"].write(tmp_path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["tune", "char_lm", "--data", str(source), "--preset", "tiny", "--tuner", "random"]
    words += ["--trials", "4", "--epochs", "1", "--set", "epoch_steps=2", "--no-retrain", "--json"]
    command = [sys.executable, "-c", "from kerasrnn.cli import main; main()", *words]
    command += ["--out", str(tmp_path / "tuned")]

    def begun(name: str) -> subprocess.Popen:
        role = {"KERASTUNER_TUNER_ID": name, "KERASTUNER_ORACLE_IP": "127.0.0.1"}
        role["KERASTUNER_ORACLE_PORT"] = str(port)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, env=os.environ | role, **pipes)

    processes = [begun(name) for name in ("chief", "worker0", "worker1")]
    try:
        ended = [process.communicate(timeout=500) for process in processes]
    finally:
        for process in processes:
            process.kill()
    codes = [process.returncode for process in processes]
    late = [err for (_, err), code in zip(ended, codes, strict=True) if code == 2]
    assert all("unless its search has ended" in err for err in late)  # the other had done them all
    assert codes.count(0) + len(late) == 3, ended
    assert codes[0] == 0
    (told, _), *workers = ended
    found = json.loads(told)
    assert [out for out, _ in workers] == ["", ""]
    assert len(found["trials"]) == 4
    assert not [trial for trial in found["trials"] if trial["failure"]]
    done = [err.count(": valid_nats_per_char") for _, err in workers]
    assert sum(done) == 4
    assert (tmp_path / "tuned" / "best.json").is_file()
