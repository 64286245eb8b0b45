"""The course's own settings for JupyterLab; `make lab` puts this folder on JUPYTER_CONFIG_PATH.

Nothing is written to your own Jupyter folder, and what you set there still counts.
"""

import os

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """A kernel's websocket that sends each message at once, so that a figure follows its slider.

    Jupyter leaves Nagle's algorithm on: a small message then waits for the browser's
    acknowledgement of the one before, up to 40 ms.
    """

    async def connect(self):  # called when the websocket has just been opened
        self.websocket_handler.set_nodelay(True)
        return await super().connect()


# The kernel need not send a slider's value back: on a busy machine that could undo a newer one.
os.environ.setdefault("JUPYTER_WIDGETS_ECHO", "0")

c = get_config()  # noqa: F821 - Jupyter puts it there
c.ServerApp.kernel_websocket_connection_class = PromptConnection
c.ServerApp.allow_root = True  # in a container there is often no other user
c.ServerApp.tornado_settings = {"ws_ping_timeout": 30_000}  # its default makes tornado warn
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.news_url = None
c.Application.log_level = "WARN"  # leaves the address to open, and what goes wrong

# The sources hold the solutions: whoever wants them finds them, nobody stumbles over them.
c.ContentsManager.hide_globs = ["__pycache__", "*.pyc", "*.pyo", ".DS_Store", "*~", "source"]
