"""A server extension for tests: /course/websockets tells how each kernel websocket is set."""

import gc
import json
import socket
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler
from jupyter_server.utils import url_path_join
from tornado import web


def _tell(handler: Any) -> dict[str, float]:
    connection = handler.ws_connection.stream.socket
    return {
        "nodelay": connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
        "pings": handler.ping_timeout / handler.ping_interval,  # how many may be without answer
    }


class WebsocketsHandler(JupyterHandler):
    """A list with one dictionary for each kernel websocket that is open."""

    @web.authenticated
    def get(self) -> None:
        handlers = [h for h in gc.get_objects() if type(h) is KernelWebsocketHandler]
        self.finish(json.dumps([_tell(h) for h in handlers if h.ws_connection]))


def _load_jupyter_server_extension(server: Any) -> None:
    path = url_path_join(server.web_app.settings["base_url"], "course", "websockets")
    server.web_app.add_handlers(".*$", [(path, WebsocketsHandler)])


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "tests.websocket_probe"}]
