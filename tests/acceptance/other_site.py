"""Another site, and all that a page of it can try against an API."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ATTACK = """async (api) => {
  const attempts = [
    fetch(`${api}/api/new_task/?task=echo`, {mode: "no-cors", credentials: "include"}),
    fetch(`${api}/api/new_task/?task=echo`, {method: "POST", mode: "no-cors"}),
    fetch(`${api}/api/tasks`, {method: "POST", mode: "no-cors", body: '{"task": "echo"}'}),
    fetch(`${api}/api/tasks`, {method: "POST", headers: {"Content-Type": "application/json"}, body: '{"task": "echo"}'}),
    new Promise((done) => { const image = new Image(); image.onload = image.onerror = done;
                            image.src = `${api}/api/new_task/?task=echo&by=image`; }),
    ...["get", "post"].map((method) => new Promise((done) => {
      const frame = document.body.appendChild(document.createElement("iframe"));
      frame.name = `into_${method}`;
      const form = document.body.appendChild(document.createElement("form"));
      Object.assign(form, {method, target: frame.name, enctype: "text/plain",
                           action: `${api}/api/${method === "get" ? "new_task/" : "tasks"}`});
      form.innerHTML = '<input name="task" value="echo">';
      frame.onload = done;
      form.submit();
      setTimeout(done, 3000);
    })),
  ];
  const ended = await Promise.allSettled(attempts);
  const readable = await fetch(`${api}/api/task-types`).then(() => true, () => false);
  const opened = await new Promise((done) => {
    const socket = new WebSocket(api.replace("http", "ws") + "/ws");
    socket.onopen = () => done(true);
    socket.onerror = () => done(false);
  });
  return {tried: ended.length, readable, opened};
}"""


@contextmanager
def other_site() -> Iterator[str]:
    """Serve an empty page as another site would."""

    class Empty(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>elsewhere</title><body>")

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
