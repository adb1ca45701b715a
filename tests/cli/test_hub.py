# SPDX-License-Identifier: Apache-2.0
"""Black-box tests of `superpose inspect hf:OWNER/NAME`: against a real nginx whose paths are those of a hub, and against
a small server that breaks the rules of HTTP. What the program fetched is read from the server's own log.

The owner of a repository says how nginx treats it: see CONFIG. A real hub is not reachable in tests."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
FIRST = 64 << 10  # bytes of the first request for a file

CONFIG = """
daemon off; master_process off; {user} worker_processes 1; pid {root}/nginx.pid; error_log {root}/error.log;
events {{ worker_connections 64; }}
http {{
  client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;
  uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
  log_format one '$server_port $request_method $request_uri $status $body_bytes_sent [$http_authorization] [$http_range]';
  access_log {root}/access.log one;
  default_type application/octet-stream;
  types {{ application/json json; }}
  map $request_uri $weights {{ default 0; ~safetensors 1; }}
  server {{  # the hub
    listen 127.0.0.1:{hub};
    listen 127.0.0.1:{tls} ssl http2; ssl_certificate {root}/cert.pem; ssl_certificate_key {root}/key.pem;
    root {root}/files;
    set $owner "";
    if ($uri ~ "^/(?:api/models/)?([^/]+)/") {{ set $owner $1; }}
    set $refuse "$owner [$http_authorization]";
    location /api/models/noapi/ {{ return 404; }}
    location /api/models/ {{
      if ($refuse ~ "^private \\[(?!Bearer right\\])") {{ return 401; }}
      rewrite ^/api/models/([^/]+)/([^/]+)/revision/ /$2/api.json break;
    }}
    location ~ "^/(?<who>[^/]+)/(?<model>[^/]+)/resolve/(?:main|v1\\.0|{commit})/(?<file>.+)$" {{
      add_header X-Repo-Commit {commit} always;
      if ($refuse ~ "^private \\[(?!Bearer right\\])") {{ return 401; }}
      if ($who = limited) {{ add_header Retry-After 1000 always; return 429; }}
      if ($who = gated) {{ return 403; }}
      if ($who = moved) {{ return 307 /private/$model/resolve/main/$file; }}
      if ($who = loop) {{ return 302 /loop/$model/resolve/main/x$file; }}
      if ($who = local) {{ return 302 file:///etc/passwd; }}
      if ($who = downgrade) {{ return 302 http://127.0.0.1:{cdn}/$model/$file; }}
      set $elsewhere "$who$weights";
      if ($elsewhere = cdn1) {{ return 302 http://127.0.0.1:{cdn}/$model/$file?Signature=hidden; }}
      if ($who = noranges) {{ rewrite ^ /whole/$model/$file last; }}
      if ($who = slow) {{ rewrite ^ /slow/$model/$file last; }}
      rewrite ^ /$model/$file break;
    }}
    location /whole/ {{ internal; alias {root}/files/; max_ranges 0; }}
    location /slow/ {{ internal; alias {root}/files/; limit_rate 400; }}
  }}
  server {{ listen 127.0.0.1:{cdn}; root {root}/files; }}
}}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def safetensors(tensors):
    header, at = {}, 0
    for name, W in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(W.shape), "data_offsets": [at, at + W.nbytes]}
        at += W.nbytes
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(np.ascontiguousarray(W, "<f4").tobytes() for W in tensors.values())


@pytest.fixture(scope="module")
def model():
    """File name -> bytes. The head has 64 KB, the rest of the weights 24 MB."""
    rng = np.random.default_rng(7)
    big = np.zeros((3_000_000,), "<f4")
    weights = safetensors({
        "transformer.h.0.a": big,
        "transformer.wte.weight": rng.standard_normal((500, 32)).astype("<f4"),
        "transformer.h.1.a": big,
    })
    config = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": 500, "n_embd": 32,
              "tie_word_embeddings": True}
    return {"model.safetensors": weights, "config.json": json.dumps(config).encode()}


HEAD_BYTES = 500 * 32 * 4


def environment(tmp_path, endpoint, **more):
    kept = {k: v for k, v in os.environ.items() if not re.match("HF_|HUGGING|XDG_|SSL_|CURL_|.*_(proxy|PROXY)$", k)}
    return kept | {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "hf-home"), "SUPERPOSE_HTTP_TIMEOUT": "10"} | more


def listing(names):
    return json.dumps({"id": "x", "sha": COMMIT, "siblings": [{"rfilename": n} for n in names]}).encode()


class Nginx:
    def __init__(self, root, tls):
        self.root, self.process = root, None
        (root / "files").mkdir(parents=True)
        if tls:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test", "-addext",
                            "subjectAltName=IP:127.0.0.1", "-keyout", root / "key.pem", "-out", root / "cert.pem"],
                           check=True, capture_output=True)
        for _ in range(5):  # another program may take a port between free_port and nginx
            self.ports = {name: free_port() for name in ("hub", "cdn", "tls")}
            text = CONFIG.format(root=root, commit=COMMIT, user="user root;" if os.geteuid() == 0 else "", **self.ports)
            if not tls:
                text = "\n".join(line for line in text.splitlines() if " ssl http2;" not in line)
            (root / "nginx.conf").write_text(text)
            self.process = subprocess.Popen([NGINX, "-e", root / "error.log", "-p", root, "-c", root / "nginx.conf"],
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if self.answers():
                return
        pytest.fail("nginx does not start:\n" + (root / "error.log").read_text())

    def answers(self):
        for _ in range(200):
            if self.process.poll() is not None:
                return False
            try:
                socket.create_connection(("127.0.0.1", self.ports["hub"]), 1).close()
                return True
            except OSError:
                time.sleep(0.02)
        return False

    def add(self, name, files, listed=None):
        for file, data in files.items():
            path = self.root / "files" / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        (self.root / "files" / name / "api.json").write_bytes(listing(files) if listed is None else listed)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def url(self, which="hub"):
        return f"{'https' if which == 'tls' else 'http'}://127.0.0.1:{self.ports[which]}"

    def log(self):
        """What was asked for, as dicts. Stops the server: a line is written when its request has ended."""
        self.stop()
        out = []
        for line in (self.root / "access.log").read_text().splitlines():
            port, method, uri, status, sent, token, wanted = re.match(
                r"(\d+) (\w+) (\S+) (\d+) (\d+) \[(.*)\] \[(.*)\]$", line).groups()
            where = next(name for name, number in self.ports.items() if number == int(port))
            out.append({"where": where, "method": method, "uri": uri, "status": int(status), "sent": int(sent), "token": token,
                        "range": wanted})
        return out


@pytest.fixture
def nginx(tmp_path, model):
    if not NGINX:
        pytest.skip("no nginx here (./run test installs it)")
    server = Nginx(tmp_path / "nginx", tls=False)
    server.add("model", model)
    yield server
    server.stop()


@pytest.fixture
def fetch(run, tmp_path):
    """fetch(endpoint, "hf:a/b", code=4, HF_TOKEN="x"): the finished `inspect --json` (or a failed one's message)."""

    def call(endpoint, name, code=0, **env):
        done = run("inspect", name, "--json", code=code, env=environment(tmp_path, endpoint, **env))
        return done.stderr if code else json.loads(done.stdout)

    return call


def check(report, run, model, tmp_path):
    """The same numbers as those of the files on disk."""
    folder = tmp_path / "local"
    folder.mkdir(exist_ok=True)
    for name, data in model.items():
        (folder / name).write_bytes(data)
    local = json.loads(run("inspect", folder, "--json").stdout)
    assert report["matrices"] == local["matrices"]
    assert report["matrices"][0]["tensor"] == "transformer.wte.weight"
    assert report["format"] == "safetensors"


def test_only_the_needed_bytes_come(nginx, fetch, run, model, tmp_path):
    report = fetch(nginx.url(), "hf:plain/model")
    check(report, run, model, tmp_path)
    assert report["warnings"] == []
    log = nginx.log()
    weights = [entry for entry in log if "safetensors" in entry["uri"]]
    assert all(entry["status"] == 206 and entry["range"] for entry in weights)
    sent = sum(entry["sent"] for entry in weights)
    assert HEAD_BYTES < sent <= 2 * FIRST + HEAD_BYTES, f"of {len(model['model.safetensors'])} bytes"
    assert sum(entry["sent"] for entry in log) < sent + 4000
    assert len(log) <= 8, log
    # After the first answer every file is asked for by its commit.
    assert log[0]["uri"] == "/api/models/plain/model/revision/main"
    assert all(f"/resolve/{COMMIT}/" in entry["uri"] for entry in log[1:])


def test_of_published_files(nginx, fetch, test_data):
    source = test_data / "tiny-hf/gpt2"
    nginx.add("gpt2", {name: (source / name).read_bytes() for name in ("config.json", "model.safetensors")})
    got = fetch(nginx.url(), "hf:plain/gpt2@v1.0")["matrices"][0]
    expected = json.loads((source / "expected.json").read_text())
    assert [got["n"], got["m"], got["tied"]] == [157, 32, True]
    assert got["overlap"]["mean_square"] == pytest.approx(expected["overlap_mean_square"], rel=1e-5)
    assert got["norm"]["mean"] == pytest.approx(expected["norm_mean"], rel=1e-5)
    log = nginx.log()
    assert log[0]["uri"] == "/api/models/plain/gpt2/revision/v1.0"


def test_one_file_of_several(nginx, fetch, run, model, tmp_path):
    several = {"a/one.safetensors": model["model.safetensors"], "two.safetensors": model["model.safetensors"],
               "three.safetensors": model["model.safetensors"], "config.json": model["config.json"]}
    nginx.add("several", several)
    assert "several" in fetch(nginx.url(), "hf:plain/several", code=2)
    check(fetch(nginx.url(), "hf:plain/several:two.safetensors"), run, model, tmp_path)
    check(fetch(nginx.url(), "hf:plain/several@main:a/one.safetensors"), run, model, tmp_path)
    assert "four.safetensors" in fetch(nginx.url(), "hf:plain/several:four.safetensors", code=4)


def test_cdn_never_sees_the_token(nginx, fetch, run, model, tmp_path):
    check(fetch(nginx.url(), "hf:cdn/model", HF_TOKEN="right"), run, model, tmp_path)
    log = nginx.log()
    assert {entry["where"] for entry in log} == {"hub", "cdn"}
    for entry in log:
        assert entry["token"] == ("Bearer right" if entry["where"] == "hub" else "-"), entry
    # The place that the redirect named is used again: one redirect for the file.
    assert sum(entry["status"] == 302 for entry in log) == 1


def test_token_of_a_private_model(nginx, fetch, run, model, tmp_path):
    said = fetch(nginx.url(), "hf:private/model", code=4)
    assert "401" in said and "set HF_TOKEN" in said
    said = fetch(nginx.url(), "hf:private/model", code=4, HF_TOKEN="wrong-secret")
    assert "not accepted" in said and "wrong-secret" not in said
    check(fetch(nginx.url(), "hf:private/model", HF_TOKEN="right"), run, model, tmp_path)
    home = tmp_path / "hf-home"
    home.mkdir()
    (home / "token").write_text("right\n")
    check(fetch(nginx.url(), "hf:private/model"), run, model, tmp_path)


def test_relative_redirect_keeps_the_token(nginx, fetch, run, model, tmp_path):
    check(fetch(nginx.url(), "hf:moved/model", HF_TOKEN="right"), run, model, tmp_path)


def test_gated(nginx, fetch):
    said = fetch(nginx.url(), "hf:gated/model", code=4)
    assert "403" in said and "licence" in said and f"{nginx.url()}/gated/model" in said and "HF_TOKEN" in said


def test_not_there(nginx, fetch):
    said = fetch(nginx.url(), "hf:plain/none", code=4)
    assert "plain/none" in said and "main" in said and "404" in said or "not found" in said
    nginx.add("listed", {"config.json": b"{}"}, listed=listing(["model.safetensors", "config.json"]))
    said = fetch(nginx.url(), "hf:plain/listed", code=4)
    assert "404" in said and "model.safetensors" in said
    nginx.add("nothing", {"README.md": b"x"})
    assert "hf:plain/nothing" in fetch(nginx.url(), "hf:plain/nothing", code=5)


def test_server_without_the_api(nginx, fetch, run, model, tmp_path):
    check(fetch(nginx.url(), "hf:noapi/model"), run, model, tmp_path)
    log = nginx.log()
    assert any(entry["method"] == "HEAD" for entry in log)
    assert f"/noapi/model/resolve/{COMMIT}/" in log[-1]["uri"], "pinned by X-Repo-Commit"


def test_server_without_ranges(nginx, fetch, model, tmp_path, test_data):
    said = fetch(nginx.url(), "hf:noranges/model", code=5)
    assert f"{len(model['model.safetensors'])} bytes" in said and "download" in said
    source = test_data / "tiny-hf/gpt2"
    nginx.add("gpt2", {name: (source / name).read_bytes() for name in ("config.json", "model.safetensors")})
    assert fetch(nginx.url(), "hf:noranges/gpt2")["matrices"][0]["n"] == 157, "files up to 1 MiB are taken whole"
    sent = sum(entry["sent"] for entry in nginx.log() if entry["uri"].startswith("/noranges/model/"))
    assert sent < 8 << 20, "the transfer is cut when the head of the reply says how long it would be"


def test_redirect_loop_and_bad_places(nginx, fetch):
    said = fetch(nginx.url(), "hf:loop/model", code=4)
    assert "redirect" in said
    assert "file:///etc/passwd" in fetch(nginx.url(), "hf:local/model", code=4)
    assert sum("/loop/" in entry["uri"] and entry["status"] == 302 for entry in nginx.log()) == 6


def test_too_slow(nginx, fetch):
    started = time.monotonic()
    said = fetch(nginx.url(), "hf:slow/model", code=4, SUPERPOSE_HTTP_TIMEOUT="2")
    assert "too slow" in said and "SUPERPOSE_HTTP_TIMEOUT" in said
    assert time.monotonic() - started < 30


def test_told_to_come_back_later(nginx, fetch):
    started = time.monotonic()
    said = fetch(nginx.url(), "hf:limited/model", code=4)
    assert "429" in said and "1000 s" in said and "HF_TOKEN" in said
    assert time.monotonic() - started < 20, "a long Retry-After is reported, not waited for"


def test_certificates_are_verified(tmp_path, model, fetch, run):
    if not NGINX or not shutil.which("openssl"):
        pytest.skip("no nginx or no openssl here (./run test installs them)")
    server = Nginx(tmp_path / "nginx", tls=True)
    try:
        server.add("model", model)
        said = fetch(server.url("tls"), "hf:plain/model", code=4, HF_TOKEN="right")
        assert "certificate" in said and "SSL_CERT_FILE" in said
        authority = str(server.root / "cert.pem")
        check(fetch(server.url("tls"), "hf:private/model", HF_TOKEN="right", SSL_CERT_FILE=authority), run, model, tmp_path)
        said = fetch(server.url("tls"), "hf:downgrade/model", code=4, SSL_CERT_FILE=authority)
        assert "from https to http" in said
        said = fetch(server.url("tls").replace("127.0.0.1", "localhost"), "hf:plain/model", code=4, SSL_CERT_FILE=authority)
        assert "certificate" in said, "it is for another host"
        log = server.log()
        assert not [entry for entry in log if entry["where"] == "cdn"]
    finally:
        server.stop()


def test_nobody_there(fetch):
    said = fetch(f"http://127.0.0.1:{free_port()}", "hf:a/b", code=4)
    assert "nobody answers" in said and "HF_ENDPOINT" in said
    said = fetch("http://no-such-host.invalid", "hf:a/b", code=4)
    assert "no-such-host.invalid" in said and "not found" in said


def test_ids_that_cannot_be(run):
    for name in ("hf:", "hf:a/b/c", "hf:../x", "hf:a/b@../../x", "hf:a b", "hf:a/b:../x"):
        assert "hf:openai-community/gpt2" in run("inspect", name, code=2).stderr


def test_cache_first(fetch, nginx, run, model, tmp_path):
    """A whole snapshot needs no server; of a part of one the rest comes from the server, of the same commit."""
    cache = tmp_path / "hf-home/hub/models--plain--model"
    snapshot = cache / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (cache / "refs").mkdir()
    (cache / "refs/main").write_text(COMMIT)
    (snapshot / "config.json").write_bytes(model["config.json"])
    said = fetch(nginx.url(), "hf:plain/model", code=5, HF_HUB_OFFLINE="1")
    assert "model.safetensors" in said
    check(fetch(nginx.url(), "hf:plain/model"), run, model, tmp_path)
    (snapshot / "model.safetensors").write_bytes(model["model.safetensors"])
    check(fetch("http://127.0.0.1:1", "hf:plain/model"), run, model, tmp_path)
    check(fetch("http://127.0.0.1:1", f"hf:plain/model@{COMMIT}", HF_HUB_OFFLINE="1"), run, model, tmp_path)
    assert "HF_HUB_OFFLINE" in fetch("http://127.0.0.1:1", "hf:plain/other", code=4, HF_HUB_OFFLINE="1")
    log = nginx.log()
    assert {entry["uri"].split("?")[0].rsplit("/", 1)[1] for entry in log} == {COMMIT, "model.safetensors"}


# A server that breaks its word ----------------------------------------------------------------------------------------


class Broken:
    """A hub of one model. `weights(handler, begin, end)` may answer the request for those bytes of the weights itself, or
    return False and have them sent properly. Counts its requests."""

    def __init__(self, model, weights=None, api=None):
        outer = self
        self.asked = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                if self.path.startswith(("/api/", "/mirror/api/")):
                    if api and api(self):
                        return
                    return self.reply(200, listing(model))
                name = self.path.split("?")[0].rsplit("/", 1)[1]
                data = model[name]
                begin, end = map(int, re.match(r"bytes=(\d+)-(\d+)$", self.headers["Range"]).groups())
                end = min(end + 1, len(data))
                if name == "model.safetensors":
                    outer.asked.append((begin, end, self.path))
                    if weights and weights(self, begin, end) is not False:
                        return
                self.part(data, begin, end)

            def reply(self, status, body, **headers):
                self.send_response(status)
                for key, value in {"Content_Length": len(body), **headers}.items():
                    if value is not None:
                        self.send_header(key.replace("_", "-"), str(value))
                self.end_headers()
                self.wfile.write(body)

            def part(self, data, begin, end, **headers):
                self.reply(206, data[begin:end], **{"Content_Range": f"bytes {begin}-{end - 1}/{len(data)}", "ETag": '"one"',
                                                    **headers})

            def cut(self, data, begin, end, sent):
                """Promises bytes [begin, end) and sends fewer."""
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{len(data)}")
                self.send_header("Content-Length", str(end - begin))
                self.end_headers()
                self.wfile.write(data[begin:begin + sent])
                self.close_connection = True

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client that hangs up is no news here
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def test_lost_connection_is_taken_up_again(fetch, run, model, tmp_path):
    data = model["model.safetensors"]

    def weights(handler, begin, end):
        if begin == 0 or cut:
            return False
        cut.append((begin, end))
        handler.cut(data, begin, end, 20_000)

    cut = []
    with Broken(model, weights) as hub:
        check(fetch(hub.url, "hf:a/b"), run, model, tmp_path)
    assert cut and (cut[0][0] + 20_000, cut[0][1]) in [entry[:2] for entry in hub.asked], "the rest, and not all, is asked for"


def test_lost_connections_are_reported(fetch, model):
    for first in (True, False):
        def weights(handler, begin, end):
            if not first and begin == 0:
                return False
            handler.cut(model["model.safetensors"], begin, end, 10)

        with Broken(model, weights) as hub:
            said = fetch(hub.url, "hf:a/b", code=4)
        assert "connection was lost, 3 times" in said and "model.safetensors" in said
        assert len(hub.asked) == (3 if first else 4)


def test_server_that_fails_for_a_while(fetch, run, model, tmp_path):
    failures = []

    def weights(handler, begin, end):
        if len(failures) == 2:
            return False
        failures.append(begin)
        handler.reply(503, b"busy", Retry_After="0")

    with Broken(model, weights) as hub:
        check(fetch(hub.url, "hf:a/b"), run, model, tmp_path)
    with Broken(model, lambda handler, begin, end: handler.reply(500, b"broken", Retry_After="0")) as hub:
        assert "500" in fetch(hub.url, "hf:a/b", code=4)
    assert len(hub.asked) == 3


def lie(**headers):
    return lambda handler, data, begin, end: handler.part(data, begin, end, **headers)


@pytest.mark.parametrize("answer, expected", [
    (lie(Content_Range="bytes 5-9/24064200"), "asked for bytes"),
    (lie(Content_Range="bytes 0-65535/*"), "asked for bytes"),
    (lie(Content_Range=None), "asked for bytes"),
    (lie(Content_Range="bytes 0-18446744073709551615/18446744073709551616"), "asked for bytes"),
    (lie(X_Linked_Size="12"), "the hub says 12"),
    (lie(Content_Encoding="gzip"), "gzip"),
    (lambda h, data, begin, end: h.part(data, begin, end + 10, Content_Range=f"bytes {begin}-{end - 1}/{len(data)}"),
     "Content-Length"),
    (lambda h, data, begin, end: h.reply(416, b"", Content_Range=f"bytes */{len(data)}"), "416"),
    (lambda h, data, begin, end: h.reply(204, b""), "204"),
    (lambda h, data, begin, end: h.reply(302, b"", Location="/x" * 40_000), "longer than"),
    (lambda h, data, begin, end: h.reply(302, b"", Location="http://user:hidden@127.0.0.1/"), "names a user"),
    (lambda h, data, begin, end: h.reply(302, b""), "no Location"),
    (lambda h, data, begin, end: h.reply(403, b"", X_Error_Message="\x1b[2Jlook"), "\\x1b[2Jlook"),
    (lambda h, data, begin, end: h.reply(404, b"", X_Error_Code="EntryNotFound"), "has no file"),
    (lambda h, data, begin, end: h.reply(404, b"", X_Error_Code="RevisionNotFound"), "has no revision"),
    (lambda h, data, begin, end: h.reply(401, b"", X_Error_Code="RepoNotFound"), "no model"),
])
def test_first_reply_that_is_wrong(fetch, model, answer, expected):
    data = model["model.safetensors"]
    with Broken(model, lambda handler, begin, end: answer(handler, data, begin, end)) as hub:
        code = 5 if expected == "gzip" else 4
        said = fetch(hub.url, "hf:a/b", code=code)
    assert expected in said, said
    assert "hidden" not in said and "\x1b" not in said


@pytest.mark.parametrize("answer, expected", [
    (lie(ETag='"two"'), "changed"),
    (lambda h, data, begin, end: h.reply(200, data, ETag='"two"'), "changed"),
    (lambda h, data, begin, end: h.reply(200, data, ETag='"one"'), "whole files only"),
    (lambda h, data, begin, end: h.part(data + b"x", begin, end), "changed"),
    (lambda h, data, begin, end: h.part(data, begin + 1, end + 1), "asked for bytes"),
    (lambda h, data, begin, end: h.part(data, begin, end - 1), "asked for bytes"),
    (lambda h, data, begin, end: h.reply(416, b"", Content_Range="bytes */100"), "changed"),
])
def test_later_reply_that_is_wrong(fetch, model, answer, expected):
    data = model["model.safetensors"]
    with Broken(model, lambda handler, begin, end: begin > 0 and answer(handler, data, begin, end)) as hub:
        said = fetch(hub.url, "hf:a/b", code=5 if "whole" in expected else 4)
    assert expected in said and f"{hub.url}/a/b/resolve/{COMMIT}/model.safe" in said, said


def test_link_that_expires(fetch, run, model, tmp_path):
    """A signed link of a CDN is valid for a while; then the hub is asked for a new one."""
    data, state = model["model.safetensors"], {"valid": 0, "served": 0}

    def weights(handler, begin, end):
        if "?link=" not in handler.path:
            state["valid"] += 1
            state["served"] = 0
            return handler.reply(302, b"", Location=f"/cdn/model.safetensors?link={state['valid']}", X_Linked_Etag='"whole"')
        if f"?link={state['valid']}" not in handler.path or state["served"]:
            return handler.reply(403, b"expired")
        state["served"] += 1
        handler.part(data, begin, end, ETag=f'"{state["valid"]}"')

    with Broken(model, weights) as hub:
        check(fetch(hub.url, "hf:a/b"), run, model, tmp_path)
    assert state["valid"] >= 2


def test_mirror_below_a_path(fetch, run, model, tmp_path):
    with Broken(model) as hub:
        check(fetch(hub.url + "/mirror/", "hf:a/b"), run, model, tmp_path)
    assert all(path.startswith("/mirror/a/b/resolve/") for _, _, path in hub.asked)


def test_body_without_end(fetch, model):
    def endless(handler, *_):
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        while True:
            handler.wfile.write(b" " * 65536)

    with Broken(model, endless) as hub:
        assert "whole files only" in fetch(hub.url, "hf:a/b", code=5)
    with Broken(model, api=endless) as hub:
        assert "longer than" in fetch(hub.url, "hf:a/b", code=4)


def test_more_than_was_asked_for(fetch, model):
    data = model["model.safetensors"]

    def weights(handler, begin, end):
        handler.part(data, begin, end, Content_Length=None, Connection="close")
        handler.wfile.write(b"x" * 100)
        handler.close_connection = True

    with Broken(model, weights) as hub:
        assert "more than the 65536 bytes" in fetch(hub.url, "hf:a/b", code=4)


@pytest.mark.parametrize("body", [b"<html>please log in</html>", b"", b"[" * 100_000, b"{}", b'{"siblings": [{"rfilename": 3}]}'])
def test_list_of_files_that_is_none(fetch, model, body):
    with Broken(model, api=lambda handler: handler.reply(200, body) or True) as hub:
        assert "does not describe a model" in fetch(hub.url, "hf:a/b", code=4)


def test_server_that_says_nothing(fetch, tmp_path):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        started = time.monotonic()
        said = fetch(f"http://127.0.0.1:{silent.getsockname()[1]}", "hf:a/b", code=4, SUPERPOSE_HTTP_TIMEOUT="1")
    assert "too slow" in said
    assert time.monotonic() - started < 20
