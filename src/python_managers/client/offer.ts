// What managers are offered: lines to servers of Python's.

import { setLineForm } from "../../managers/proxy_form.ts";
import { offerPythonClients } from "../../managers/python_form.ts";
import { PythonServerLine } from "./line.ts";

offerPythonClients({ to: (address, authkey) => PythonServerLine.to(address, authkey) });

setLineForm("python", {
  has: (line) => line instanceof PythonServerLine,
  reduce() {
    throw new TypeError(
      "Cannot send the proxy of an object of Python's to another process: connect a manager there, and have the server " +
        "give the object",
    );
  },
  restore() {
    throw new RangeError("Cannot restore a manager's proxy: none of a server of Python's travels");
  },
});
