"""What the demo and the tests say: steps, and a line that shows what is being waited for and since when."""
import sys
import time


class Timeout(Exception):
    """What was waited for, how long, and what was seen last."""


class Line:
    """One line that is rewritten on a terminal; elsewhere it is printed when a wait begins to take long."""

    def __init__(self, out=sys.stdout):
        self.out = out
        self.live = out.isatty()
        self.shown = 0
        self.due = None

    def begin(self):
        self.due = time.monotonic() + 15

    def show(self, text):
        if self.live:
            self.out.write("\r" + text.ljust(self.shown)[:150])
            self.shown = len(text)
        elif time.monotonic() >= self.due:
            self.out.write(text + "\n")
            self.due += 15
        self.out.flush()

    def clear(self):
        if self.live and self.shown:
            self.out.write("\r" + " " * min(self.shown, 150) + "\r")
            self.shown = 0
            self.out.flush()


LINE = Line()


def say(text=""):
    LINE.clear()
    print(text, flush=True)


def wait_for(what, probe, timeout, every=0.3):
    """Calls probe() until it says (True, ...), and returns the seconds that took.

    probe returns (done, detail); detail is shown while waiting and stands in the Timeout. What it raises counts as
    "not yet", since whatever is asked may be away for a moment; only the last such failure is told.
    """
    begin = time.monotonic()
    LINE.begin()
    while True:
        try:
            done, detail = probe()
        except (OSError, LookupError, StopIteration, ValueError, TypeError, RuntimeError) as e:
            done, detail = False, f"no answer yet ({type(e).__name__}: {e})".splitlines()[0][:160]
        seconds = time.monotonic() - begin
        if done:
            LINE.clear()
            return seconds
        if seconds > timeout:
            LINE.clear()
            raise Timeout(f"{what}: still not after {timeout} s ({detail})")
        LINE.show(f"  waiting for {what} ({seconds:.0f} s): {detail}")
        time.sleep(every)
