// What managers need to speak with Python's: loaded when the first of a program does.

import "./client/offer.ts";
import "./server/offer.ts";
