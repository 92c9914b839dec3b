"""An RTSP camera by GStreamer's server, for the system's Python: `rtsp_camera.py PORT [PASSWORD]`.

`/live` shows a moving ball, 320 x 240 at 25 frames a second in H.264, to ann if there is a password.
"""

import sys
from threading import Timer

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

PICTURES = (
    "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1"
)
H264 = "x264enc tune=zerolatency key-int-max=12 speed-preset=ultrafast ! rtph264pay name=pay0 pt=96"
PERMISSION = "ann, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
ORPHANED_S = 300  # it ends by itself if the test that started it was killed


def main(port: str, password: str = "") -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f"( {PICTURES} ! {H264} )")
    if password:
        auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "ann")
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic("ann", password), token)
        server.set_auth(auth)
        factory.add_role_from_structure(Gst.Structure.from_string(PERMISSION)[0])
    server.get_mount_points().add_factory("/live", factory)
    server.attach(None)
    loop = GLib.MainLoop()
    Timer(ORPHANED_S, loop.quit).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    loop.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
