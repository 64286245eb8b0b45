"""The course's own settings for JupyterLab; `make lab` puts this folder on JUPYTER_CONFIG_PATH.

Nothing is written to your own Jupyter folder, and what you set there still counts.
"""

import logging

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """A kernel's websocket that sends each message at once, so that a figure follows its slider.

    Jupyter leaves Nagle's algorithm on: a small message then waits for the browser's
    acknowledgement of the one before, up to 40 ms.
    """

    async def connect(self):  # called when the websocket has just been opened
        self.websocket_handler.set_nodelay(True)
        return await super().connect()


def tells_news(record):
    """False for tornado's warning about Jupyter's own ping timeout, which Jupyter measures itself.

    It stays as Jupyter sets it, three pings: with one, each connection is closed after 30 seconds.
    """
    return "websocket_ping_timeout" not in record.getMessage()


logging.getLogger("tornado.general").addFilter(tells_news)

c = get_config()  # noqa: F821 - Jupyter puts it there
c.ServerApp.kernel_websocket_connection_class = PromptConnection
c.ServerApp.allow_root = True  # in a container there is often no other user
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.news_url = None
c.Application.log_level = "WARN"  # leaves the address to open, and what goes wrong

# The sources hold the solutions: whoever wants them finds them, nobody stumbles over them.
c.ContentsManager.hide_globs = ["__pycache__", "*.pyc", "*.pyo", ".DS_Store", "*~", "source"]
