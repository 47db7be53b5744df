# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys and certificates for tests, and the objects that use them.

Certificates are made by the program make-tls-certs of the build, the path of
which tests get as an argument; "" means that it could not be built.
"""

import os
import shutil
import subprocess

from . import tap

KEY = "000102030405060708090a0b0c0d0e0f"


def need(tool):
    if not tool:
        raise tap.Skip("the program was built without GnuTLS")


class Certs:
    """A folder of directories for tls-creds objects."""

    def __init__(self, tool, folder):
        need(tool)
        self.tool = tool
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.make("ca", cn="ca", ca="yes")

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def make(self, name, **keys):
        """NAME-cert.pem and NAME-key.pem; a list makes several values."""
        words = []
        for key, value in keys.items():
            for one in value if isinstance(value, list) else [value]:
                one = self.path(one) if key == "signer" else one
                words.append(f"{'from' if key == 'since' else key}={one}")
        subprocess.run([self.tool, self.path(name), *words], check=True)

    def x509(self, name, endpoint, cert=True, ca="ca", signer="ca", **keys):
        """A directory for x509 credentials, with a certificate of its own
        that the keys describe."""
        folder = self.path(name)
        os.makedirs(folder)
        shutil.copy(self.path(f"{ca}-cert.pem"),
                    os.path.join(folder, "ca-cert.pem"))
        if cert:
            self.make(f"{name}/{endpoint}", signer=signer, **keys)
        return folder

    def psk(self, name, key=KEY, user="qemu"):
        folder = self.path(name)
        os.makedirs(folder)
        with open(os.path.join(folder, "keys.psk"), "w") as f:
            f.write(f"{user}:{key}\n")
        return folder

    def standard(self):
        """Good directories of both ends: (kind, endpoint) → directory."""
        return {
            ("x509", "server"): self.x509("x509-server", "server", cn="dst",
                                          dns="dst.example", ip="127.0.0.1"),
            ("x509", "client"): self.x509("x509-client", "client", cn="src"),
            ("psk", "server"): self.psk("psk-server"),
            ("psk", "client"): self.psk("psk-client"),
            ("anon", "server"): None,
            ("anon", "client"): None,
        }


def add_creds(vm, kind, endpoint, folder, obj_id="tls0", **props):
    """object-add of tls-creds-KIND, and use it for migrations."""
    args = {"qom-type": f"tls-creds-{kind}", "id": obj_id,
            "endpoint": endpoint, **props}
    if folder:
        args["dir"] = folder
    vm.cmd("object-add", args)
    vm.set_parameters(tls_creds=obj_id)
