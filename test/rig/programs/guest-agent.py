#!/usr/bin/python3
"""guest-agent.py CHANNEL: runs commands for the rig, over a character device, until it is told to switch off.

One JSON object per line in both directions; bytes are base64 (keys "data"). Requests carry an "id" that the answers repeat.
  to us:   {"do": "run", "id", "argv", "cwd", "env", "data"}   data: standard input
           {"do": "kill", "id"}                                SIGKILL to the session of a running command
           {"do": "put", "id", "path", "mode", "data", "first"} a piece: the first makes the file, others are added to it
           {"do": "get", "id", "path"}
           {"do": "off"}
  from us: {"say": "ready"}
           {"say": "read", "bytes"}                            so many bytes were taken from the device: send more
           {"say": "output", "id", "stream": 1 | 2, "data"}    as it comes; get: the file, stream 1
           {"say": "done", "id", "code"}                       exit code, or minus the signal
           {"say": "failed", "id", "why"}
"""
import base64
import json
import os
import select
import signal
import subprocess
import sys
import termios
import threading
import tty

PIECE_BYTES = 24 * 1024
# A command's children may keep its output open after it has ended; then we wait this long for more of it.
LINGER_SECONDS = 0.2

write_lock = threading.Lock()
running = {}


def say(message):
    line = json.dumps(message).encode() + b"\n"
    with write_lock:
        while line:
            line = line[os.write(channel, line):]


def output(ident, stream, data):
    say({"say": "output", "id": ident, "stream": stream, "data": base64.b64encode(data).decode()})


def run(request):
    environment = dict(os.environ, **request.get("env", {}))
    child = subprocess.Popen(request["argv"], cwd=request.get("cwd") or "/", env=environment, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    running[request["id"]] = child
    spawn_thread(feed, child.stdin, base64.b64decode(request.get("data", "")))
    spawn_thread(pump, request["id"], child)


def pump(ident, child):
    ended = os.pidfd_open(child.pid)
    streams = {child.stdout.fileno(): 1, child.stderr.fileno(): 2}
    watched = [ended, *streams]
    while streams:
        ready, _, _ = select.select(watched, [], [], None if ended in watched else LINGER_SECONDS)
        if not ready:
            break
        for descriptor in ready:
            if descriptor == ended:
                watched.remove(ended)
                continue
            data = os.read(descriptor, PIECE_BYTES)
            if data:
                output(ident, streams[descriptor], data)
            else:
                del streams[descriptor]
                watched.remove(descriptor)
    code = child.wait()
    del running[ident]
    os.close(ended)
    child.stdout.close()
    child.stderr.close()
    say({"say": "done", "id": ident, "code": code})


def feed(pipe, data):
    try:
        pipe.write(data)
        pipe.close()
    except BrokenPipeError:
        pass


def kill(request):
    child = running.get(request["id"])
    if child is not None:
        os.killpg(child.pid, signal.SIGKILL)


def put(request):
    path = request["path"]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb" if request["first"] else "ab") as file:
        file.write(base64.b64decode(request["data"]))
    os.chmod(path, request["mode"])
    say({"say": "done", "id": request["id"], "code": 0})


def get(request):
    with open(request["path"], "rb") as file:
        while data := file.read(PIECE_BYTES):
            output(request["id"], 1, data)
    say({"say": "done", "id": request["id"], "code": 0})


def spawn_thread(work, *arguments):
    threading.Thread(target=work, args=arguments, daemon=True).start()


def attempt(work, request):
    try:
        work(request)
    except Exception as error:  # the rig wants to know, whatever it is
        say({"say": "failed", "id": request["id"], "why": f"{type(error).__name__}: {error}"})


def serve():
    say({"say": "ready"})
    pending = b""
    while data := os.read(channel, 65536):
        say({"say": "read", "bytes": len(data)})
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            if request["do"] == "off":
                return
            if request["do"] == "get":
                spawn_thread(attempt, get, request)
            else:
                attempt({"run": run, "kill": kill, "put": put}[request["do"]], request)


channel = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
if os.isatty(channel):
    tty.setraw(channel, termios.TCSANOW)
serve()
