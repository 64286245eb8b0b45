"""A server extension for tests: /course/nodelay tells TCP_NODELAY of every kernel websocket."""

import gc
import json
import socket
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler
from jupyter_server.utils import url_path_join
from tornado import web


def _nodelay(handler: Any) -> int:
    connection = handler.ws_connection.stream.socket
    option: int = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    return option


class NodelayHandler(JupyterHandler):
    """A list with one 0 or 1 for each kernel websocket that is open."""

    @web.authenticated
    def get(self) -> None:
        handlers = [h for h in gc.get_objects() if type(h) is KernelWebsocketHandler]
        self.finish(json.dumps([_nodelay(h) for h in handlers if h.ws_connection]))


def _load_jupyter_server_extension(server: Any) -> None:
    path = url_path_join(server.web_app.settings["base_url"], "course", "nodelay")
    server.web_app.add_handlers(".*$", [(path, NodelayHandler)])


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "tests.nodelay_probe"}]
