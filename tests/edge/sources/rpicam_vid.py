"""A stand-in for rpicam-vid, which needs a Raspberry Pi: its command line, messages and frames.

What it does is in the environment: RPICAM_STUB=frames, none, other, busy, hang, crash or deaf.
"""

import argparse
import os
import signal
import sys
import time

_FATAL = {
    "none": "no cameras available",
    "other": "selected camera is not available",
    "busy": "failed to acquire camera /base/soc/i2c0mux/i2c@1/imx708@1a",
}


def main() -> int:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--codec", choices=["yuv420"], required=True)
    parser.add_argument("-o", choices=["-"], required=True)
    parser.add_argument("-n", "--flush", action="store_true")
    parser.add_argument("-t", choices=["0"], required=True)
    for name in ("camera", "width", "height"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--framerate", type=float, default=30.0)
    options = parser.parse_args()
    sys.stderr.write("[0:09:27.408477190] [1997]  INFO Camera libcamera v0.5.1\n")
    mode = os.environ.get("RPICAM_STUB", "frames")
    if mode in _FATAL:
        sys.stderr.write(f"ERROR: *** {_FATAL[mode]} ***\n")
        return 255
    if mode == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stride = -(-options.width // 64) * 64  # as the Pi's image processor pads rows
    luma = bytes([76]) * (stride * options.height)  # red in full range (JPEG)
    chroma = stride // 2 * (options.height // 2)
    frame = luma + bytes([85]) * chroma + bytes([255]) * chroma
    for number in range(10_000):
        if mode in ("hang", "deaf") and number == 5:
            time.sleep(600)
        if mode == "crash" and number == 5:
            os.abort()
        sys.stdout.buffer.write(frame)
        sys.stdout.buffer.flush()
        time.sleep(1 / options.framerate)
    return 0


if __name__ == "__main__":
    sys.exit(main())
