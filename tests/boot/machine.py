"""machine.py FOLDER: boots the machine that image.sh made, lends it a hand, and says what came of each check.

Exit code 0 if all of them passed, 1 otherwise.
"""

import itertools
import json
import os
import queue
import re
import socket
import subprocess
import sys
import threading
import time

# The whole of it; a machine that hangs is ended. Emulated, on a busy host, it takes ten minutes.
LONGEST = 40 * 60
MEMORY = "1024"
# How long a machine may say nothing at all, in seconds.
FIRST_LINE = 30
# A stick that is gone between two accesses, as one that is pulled out.
STICK = {"driver": "scsi-hd", "drive": "stick", "id": "stick", "serial": "stick", "bus": "scsi.0"}


class Monitor:
    """QEMU's monitor (QMP)."""

    def __init__(self, path):
        deadline = time.monotonic() + 30
        while True:
            try:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.connect(path)
                break
            except OSError:
                self.socket.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        self.lines = self.socket.makefile("r")
        self.lines.readline()
        self.order("qmp_capabilities")

    def order(self, name, **arguments):
        self.socket.sendall((json.dumps({"execute": name, "arguments": arguments}) + "\n").encode())
        while True:
            answer = json.loads(self.lines.readline())
            if "error" in answer:
                raise RuntimeError(f"{name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def plug(self):
        self.order("device_add", **STICK)

    def pull(self):
        self.order("device_del", id=STICK["id"])

    def reset(self):
        self.order("system_reset")


def accelerators():
    """Ways to run it, the best first. A machine may offer its processor and then not run on it."""
    named = os.environ.get("BETTI_BOOT_ACCEL")
    if named:
        return [named]
    return ["kvm", "tcg"] if os.access("/dev/kvm", os.R_OK | os.W_OK) else ["tcg"]


def start(folder, accelerator, log):
    at = lambda name: os.path.join(folder, name)
    arguments = [
        "qemu-system-x86_64", "-accel", accelerator, "-smp", "1", "-m", MEMORY, "-display", "none", "-nodefaults", "-serial", "stdio",
        "-qmp", f"unix:{at('monitor')},server=on,wait=off",
        # On a busy host an emulated timer may miss the moment at which the kernel looks whether it works.
        "-kernel", at("kernel"), "-initrd", at("initrd"), "-append", "root=/dev/vda rw console=ttyS0 no_timer_check panic=5",
        "-drive", f"file={at('disk.img')},format=raw,if=virtio,cache=unsafe",
        "-blockdev", f"driver=raw,node-name=stick,file.driver=file,file.filename={at('stick.img')}",
        "-device", "virtio-rng-pci", "-device", "virtio-scsi-pci,id=scsi",
    ]
    return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)


def started(folder, log):
    """A machine that says something, and what it said first."""
    for accelerator in accelerators():
        machine = start(folder, accelerator, log)
        lines = queue.Queue()

        def read(machine=machine, lines=lines):
            for line in machine.stdout:
                lines.put(line)
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        try:
            first = lines.get(timeout=FIRST_LINE)
        except queue.Empty:
            first = None
        if first is not None:
            print(f"==> Booting ({accelerator})", flush=True)
            return machine, itertools.chain([first], iter(lines.get, None))
        machine.kill()
        machine.wait()
    raise SystemExit(f"no machine starts here: what QEMU said is in {log.name}")


class Report:
    """What came of the checks."""

    def __init__(self):
        self.passed = 0
        self.failed = []

    def take(self, what, words):
        if what == "pass":
            self.passed += 1
            print(f"  ok    {words}", flush=True)
        elif what == "fail":
            self.failed.append(words)
            print(f"  FAIL  {words}", flush=True)
        elif what == "note":
            print(f"        {words}", flush=True)


def follow(lines, log, monitor, report):
    """Until the machine is switched off; whether it came to the end of its checks."""
    began, done = time.monotonic(), False
    for raw in lines:
        line = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", raw.decode(errors="replace")).rstrip()
        print(f"{time.monotonic() - began:6.1f} {line}", file=log, flush=True)
        said = re.search(r"@@ (\w+) ?(.*)", line)
        if said is None:
            continue
        what, words = said.groups()
        if what == "do":
            getattr(monitor, words)()
        done = done or what == "done"
        report.take(what, words)
    return done


def main(folder):
    log = open(os.path.join(folder, "serial.log"), "w")
    began, report = time.monotonic(), Report()
    machine, lines = started(folder, log)
    watchdog = threading.Timer(LONGEST, machine.kill)
    watchdog.start()
    try:
        done = follow(lines, log, Monitor(os.path.join(folder, "monitor")), report)
    finally:
        watchdog.cancel()
        machine.kill()
    if not done:
        report.take("fail", f"the machine did not come to the end of its checks: its last lines are in {log.name}")
    minutes = (time.monotonic() - began) / 60
    print(f"{report.passed} checks passed, {len(report.failed)} failed, in {minutes:.1f} minutes")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
