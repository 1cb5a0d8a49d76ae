"""Answers every request with who it is and what it was asked, and prints a line about it.

    python3 echo.py [PORT]        8080 if none is given

Who it is: $SERIN_NAME, or else the host's name, which in a Pod is the Pod's and in Docker Compose the service's.
With $SERIN_ANSWER it answers that instead.
"""

import json
import os
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = os.environ.get("SERIN_NAME") or socket.gethostname()
ANSWER = os.environ.get("SERIN_ANSWER")


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer leaves in one piece, not headers first and the body when they are acknowledged

    def answer(self):
        body = self.body()
        answer = json.dumps({
            "name": NAME,
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "bytes": len(body),
        })
        print(f"{NAME} {self.command} {self.headers.get('host', '')}{self.path} {len(body)} bytes", flush=True)
        answer = (answer + "\n" if ANSWER is None else ANSWER).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.send_header("x-served-by", NAME)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def body(self):
        if "chunked" not in self.headers.get("transfer-encoding", "").lower():
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers
            pass
        return body

    def log_message(self, *_):
        pass  # `answer` prints


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    server = Server(("", port), Echo)
    print(f"{NAME} listens on {server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
