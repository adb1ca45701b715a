// SPDX-License-Identifier: Apache-2.0
// Mounts the dial into the page's element #dial: with the server's engine where that element says data-engine="server",
// else with the engine that the page carries; where there is neither, the place stays hidden.
import { mountEmbedded } from "./embedded";
import { mountDial } from "./mount";
import { ServerEngine } from "./server";

const place = document.getElementById("dial");
if (place?.dataset.engine === "server") mountDial(place, new ServerEngine(place.dataset.api ?? "/api/dial"));
else mountEmbedded();
