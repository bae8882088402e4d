// Says how Python's clients are served.

import { offerPythonServers } from "../../managers/python_form.ts";
import { Serving } from "./serving.ts";

offerPythonServers((host) => new Serving(host));
