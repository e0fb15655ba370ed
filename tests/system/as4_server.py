"""A running `budkavle as4 serve`: its address, and the lines it writes of what arrives."""
import json
import re
import subprocess
import threading

from support import BUDKAVLE


class As4Server:
    def __init__(self, *arguments):
        self.process = subprocess.Popen([str(word) for word in (BUDKAVLE, "as4", "serve", "--listen", "127.0.0.1:0", *arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.port = int(re.search(r":(\d+)\s*$", self.process.stderr.readline()).group(1))
        self.lines, self.arrived = [], threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            with self.arrived:
                self.lines.append(json.loads(line))
                self.arrived.notify_all()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)
