// SPDX-License-Identifier: Apache-2.0
#include "superpose/cli/verbs.h"

namespace superpose::cli {

std::span<const Verb> verbs() {
  static const Verb kVerbs[] = {
      {"toy", "train one toy model of superposition and measure it",
       "  superpose toy --features 1000 --dim 50 --law power:1 --decay -1 --steps 2000\n"
       "  superpose toy --dim 10 --decay 0.3333 --save w.safetensors --json",
       declare_toy},
      {"sweep", "run a grid of toy models into a store; finished runs are never repeated",
       "  superpose sweep quick --store runs.sqlite --dry-run\n"
       "  superpose sweep paper dim=10,25 decay=-1,0.5 'seed=range(3)' --store runs.sqlite",
       declare_sweep},
      {"inspect", "the geometry of a checkpoint's head: norms, overlaps, rank, and what regime it shows",
       "  superpose toy --steps 2000 --save w.safetensors && superpose inspect w.safetensors\n"
       "  superpose inspect path/to/model-folder --json",
       declare_inspect},
      {"fit", "fit a law to a table, with intervals that can say \"not identified\"",
       "  superpose fit published/fig8b_llm_losses.csv --law width --group family,dataset --cluster model\n"
       "  superpose fit published/fig8b_llm_losses.csv --law 'E + A*m^-a' --where \"dataset=='pile'\" --where "
       "'m>=1024' -o "
       "fit.html",
       declare_fit},
      {"forecast", "what a width (depth, tokens) would buy, with intervals, or a refusal",
       "  superpose fit published/fig8b_llm_losses.csv --law width --group family,dataset --cluster model --json > "
       "fit.json\n"
       "  superpose forecast fit.json --m 4096,8192 --group opt/pile --vocab 50272 --threshold 0.02",
       declare_forecast},
      {"study", "run a whole study: sweep, fits, checkpoints, the claims ledger, the page",
       "  superpose study quick\n"
       "  superpose study quick 'seed=range(5)' --checkpoint path/to/model --out results",
       declare_study},
      {"report", "write the page of a store: one self-contained HTML file",
       "  superpose report superpose-out/runs.sqlite -o report.html", declare_report},
      {"serve", "a store in the browser: sweeps as they run, every run and its loss curve, the figures, the dial",
       "  superpose serve superpose-out/runs.sqlite\n"
       "  superpose sweep paper dim=10 --store runs.sqlite --serve    # both at once",
       declare_serve},
      {"ls", "list the runs of a store", "  superpose ls superpose-out/runs.sqlite", declare_ls},
      {"show", "show one run of a store: its configuration, result, error",
       "  superpose show superpose-out/runs.sqlite 1", declare_show},
  };
  return kVerbs;
}

}  // namespace superpose::cli
