"""GStreamer's RTSP server: Debian's gir1.2-gst-rtsp-server-1.0 and python3-gi.

    gstreamer.py [--login USER:PASSWORD] LAUNCH...

The server plays the first launch line at /0, the second at /1, and so on. With --login it wants Digest authentication.
It prints its port and runs until its standard input ends.
"""

import argparse
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer

ROLE = "viewer"


def authentication(login):
    """Returns the check of a user's name and password."""
    user, password = login.split(":", 1)
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, ROLE)
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.add_digest(user, password, token)
    return auth


def factory(launch):
    f = GstRtspServer.RTSPMediaFactory()
    f.set_launch("( " + launch + " )")
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role(ROLE, GstRtspServer.RTSP_PERM_MEDIA_FACTORY_ACCESS, True)
    permissions.add_permission_for_role(ROLE, GstRtspServer.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, True)
    f.set_permissions(permissions)
    f.connect("media-configure", lambda _, media: media.connect("prepared", report_often))
    return f


def report_often(media):
    """Sets the least time between two RTCP reports, which is 5 s, to half a second. Tests wait for reports."""
    for i in range(media.n_streams()):
        media.get_stream(i).get_rtpsession().set_property("rtcp-min-interval", Gst.SECOND // 2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--login")
    parser.add_argument("launch", nargs="+")
    args = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    server.get_thread_pool().set_max_threads(16)  # a client waits in its thread until its pipeline runs
    if args.login:
        server.set_auth(authentication(args.login))
    for i, launch in enumerate(args.launch):
        server.get_mount_points().add_factory("/%d" % i, factory(launch))
    loop = GLib.MainLoop()
    if not server.attach(None):
        sys.exit("the server cannot listen")
    print(server.get_bound_port(), flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    loop.run()


main()
