"""A server that tells each caller the address it came from, and its client: `whoami.py serve`, `whoami.py ask HOST`."""

import socket
import socketserver
import sys

PORT = 80


class Answer(socketserver.BaseRequestHandler):
    """Tells the caller's address and hangs up."""

    def handle(self) -> None:
        """Answer one caller."""
        self.request.sendall(self.client_address[0].encode())


def main() -> None:
    """Serve, or ask a host."""
    if sys.argv[1] == "serve":
        socketserver.ThreadingTCPServer.allow_reuse_address = True
        socketserver.ThreadingTCPServer(("", PORT), Answer).serve_forever()
    try:
        with socket.create_connection((sys.argv[2], PORT), timeout=3) as connection:
            answer = connection.recv(64).decode()
    except OSError as error:
        sys.exit(f"{sys.argv[2]} can't be reached: {error}")
    sys.stdout.write(f"{answer}\n")


main()
