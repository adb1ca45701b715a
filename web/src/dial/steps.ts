// SPDX-License-Identifier: Apache-2.0
// The ten steps of the tour: what each says, and how it sets the dial. The numbers in the texts are those of seed 0.
import type { Dial } from "./dial";
import { make } from "./dom";
import { Ladder, type LadderOptions, type Rung } from "./ladder";
import { defaults, type Settings } from "./settings";

export interface Step {
  title: string;
  text: string[];
  look: string;
  heads?: boolean;  // shows the table of published heads
  show?: (dial: Dial, place: HTMLElement, here: () => boolean) => Promise<void>;
}

const from = (settings: Partial<Settings>): Settings => ({ ...defaults, ...settings });

const train = (settings: Partial<Settings>) => (dial: Dial) => dial.set(from(settings), true);

function ladder(rungs: Rung[], options: LadderOptions): Step["show"] {
  return async (dial, place, here) => {
    const one = new Ladder(rungs, options);
    place.replaceChildren(one.element);
    await one.climb(dial, here);
  };
}

const widths = [5, 10, 20, 40];
const few = [5, 14, 40];
const climbing = (series: string, color: string, settings: Partial<Settings>, dims = widths): Rung[] =>
  dims.map((dim) => ({ series, color, settings: from({ features: 200, steps: 1500, ...settings, dim }) }));

export const tourSteps: Step[] = [
  {
    title: "What the model is",
    text: [
      "Data with n features, of which few are active at a time: feature i with probability p_i, the frequent ones first. A bottleneck of m < n numbers, h = Wᵀx, has to carry them; y = ReLU(Wh + b) tries to give all of them back. The loss is the squared error, summed over the features.",
      "Each feature owns a row of W: an arrow in m dimensions. Two arrows that are not at right angles disturb each other. Storing more features than dimensions that way is called superposition.",
    ],
    look: "Five features, two dimensions, not trained yet: the arrows point anywhere. Press Train: they spread out into a star.",
    show: (dial) => dial.set(from({ features: 5, dim: 2, law: "uniform" }), false),
  },
  {
    title: "No superposition",
    text: ["Take the ReLU away and crowding does not pay: the best that is left is to keep the m most frequent features, each on an axis of its own, and to give up the rest (principal component analysis)."],
    look: "Twenty features, three dimensions: three arrows of length 1 at right angles, seventeen of length about 0. The Gram picture is three cells on the diagonal and nothing else.",
    show: train({ features: 20, dim: 3, decay: 0.1, extra: { activation: "linear", engine: "reference" } }),
  },
  {
    title: "Weak superposition: γ > 0",
    text: ["With the ReLU a negative disturbance costs nothing, so two rare features can share an axis as opposites. A positive weight decay pushes every row towards 0, and only rows that earn their keep stay: here two per dimension. What is not represented is lost: the loss is about ⟨v²⟩ Σ p_i over the features left out."],
    look: "Forty features, three dimensions, γ = 0.5: six rows of forty are longer than one half, three pairs of opposites (blue cells off the diagonal) on three axes. The others have length 0, or nearly.",
    show: train({ features: 40, dim: 3, decay: 0.5 }),
  },
  {
    title: "Strong superposition: γ < 0",
    text: ["A negative γ pulls every row to length 1. Now all features are represented, in the same three dimensions: everybody disturbs everybody."],
    look: "The same data, γ = −1: 38 of 40 rows are longer than one half, and the Gram picture fills up. The loss is not smaller than at γ = 0.5 (0.71 against 0.68): in three dimensions the crowd costs as much as it saves. Width changes that.",
    show: train({ features: 40, dim: 3, decay: -1 }),
  },
  {
    title: "Turn the dial",
    text: ["The two regimes are one model with one knob. This run starts weak, at γ = 0.5; near step 1,200 it is turned to −1. Take the slider yourself at any moment: every turn is marked in the charts."],
    look: "200 features, 20 dimensions. After the turn the short rows grow towards length 1, within 300 steps nearly all are longer than one half (before: a tenth of them), and the loss drops to half. The run keeps a memory of its start: overlap stays near 1.6/m, loss at 0.30; with γ = −1 from step 0 they end at 1.1/m and 0.22.",
    show: async (dial, _place, here) => {
      const run = dial.set(from({ features: 200, dim: 20, decay: 0.5, steps: 4000 }), true);
      await dial.turnAt(1200, -1, here);
      await run;
    },
  },
  {
    title: "Why 1/m",
    text: [
      "Random directions in m dimensions have a mean squared cosine of exactly 1/m, and no set of n vectors can have less than Welch's bound (n−m)/(m(n−1)), close to 1/m for n ≫ m. If all features are represented and their overlap is what costs, the loss should fall like 1/m, whatever the data.",
      "“Show me” trains four widths at γ = −1 and draws overlap and loss against m.",
    ],
    look: "Overlap of the rows beside the line 1/m, within a factor of 1.4 of it. The loss has a slope near −1, but bends: flatter at small m, steeper as m nears n. In the paper's longer runs (n = 1000, m = 10 to 100) the exponents are 0.8 to 1.2 for α ≤ 1.",
    show: ladder(climbing("γ = −1, α = 1", "--neg-1", { decay: -1 }), { overlap: true, fit: true }),
  },
  {
    title: "What the data's exponent does",
    text: [
      "Frequencies fall as rank^−α. In the weak regime the loss is the frequency of what is left out, so the data sets the exponent (α − 1 for α > 1 and endless n; less tidy at finite n). In the strong regime overlap sets it: near 1 for α up to about 1.5, towards 2(α − 1) beyond.",
      "“Show me” trains three widths at α = ½ and 1½, weak and strong: twelve short runs, which take half a minute or more.",
    ],
    look: "The strong lines (blue) are steep for both α, the weak ones (orange) flat for both. The paper needs long runs and many α for its exponents; this shows the difference of the regimes, not their values.",
    show: ladder(
      [
        ...climbing("strong, α = ½", "--neg-1", { law: "power:0.5", decay: -1 }, few), ...climbing("weak, α = ½", "--pos-1", { law: "power:0.5", decay: 0.5 }, few),
        ...climbing("strong, α = 1½", "--neg-3", { law: "power:1.5", decay: -1 }, few), ...climbing("weak, α = 1½", "--pos-3", { law: "power:1.5", decay: 0.5 }, few),
      ],
      { overlap: false, fit: true }),
  },
  {
    title: "What the heads of language models look like",
    text: [
      "The output head of a language model has a row per token: tens of thousands of rows in some thousand dimensions, none of length 0. In that sense language models are in strong superposition.",
      "Their rows are not random directions, though: the published mean squared overlaps of 25 heads are 5 to 99 times 1/m. Fitted against m they fall with exponent 1.26 ± 0.19 (95 % interval 0.85 to 1.66, R² 0.65): in agreement with 1/m, but only roughly.",
    ],
    look: "Published values (arXiv 2505.10465, Fig. 6a, read from the figure). For a head of your own: superpose inspect PATH.",
    heads: true,
  },
  {
    title: "Where it ends",
    text: ["Once m reaches n, every feature can have an axis of its own, and width has nothing more to give. “Show me” trains n = 100 features in 6 to 150 dimensions."],
    look: "The loss falls faster than 1/m well before m = n, and is flat beyond it. (At n = 200, in longer runs, it is below half of its power law from m ≈ 54 to 62: “1/m up to m = n” is not what the model does.)",
    show: ladder(climbing("γ = −1, α = 1", "--neg-1", { features: 100, decay: -1 }, [6, 12, 25, 50, 100, 150]), { overlap: false, fit: false, vertical: { m: 100, label: "m = n" } }),
  },
  {
    title: "What can be denied",
    text: [
      "An overlap of 1/m proves nothing by itself: rows that were never trained have it too. The dial now shows such a model at step 0.",
      "That the loss of language models falls as 1/m is a fit, and fits can say no: with width and depth varied apart (Gemstones, 22 shapes) the width exponent is 0.33 [0.27, 0.43], which denies 1/m there; on the paper's 27 models it is 0.91, with an interval over models of 0.54 to 1.10; on six Qwen2.5 models the data cannot tell. The loss that no width removes, E, is often not identified at all.",
    ],
    look: "Step 0, nothing learned, overlap about 1/m. That is why this tool prints “confirmed”, “denied” or “cannot tell” beside every claim.",
    show: (dial) => dial.set(from({ features: 200, dim: 20 }), false),
  },
];

// Of the 25 in fig8a_llm_mean_sq_overlap.csv: the smallest and the largest of each family.
const heads: [model: string, m: number, overlap: number, times: number][] = [
  ["opt-125m", 768, 0.10112, 77.66], ["opt-66b", 9216, 0.0061594, 56.77], ["gpt2", 768, 0.074653, 57.33], ["gpt2-xl", 1600, 0.0089171, 14.27],
  ["pythia-410m", 1024, 0.013326, 13.65], ["pythia-12b", 5120, 0.00099431, 5.09], ["Qwen2.5-0.5B", 896, 0.034551, 30.96], ["Qwen2.5-72B", 8192, 0.0095233, 78.02],
];

export function headsTable(): HTMLElement {
  const row = (cells: (string | number)[], name: "td" | "th") => make("tr", {}, ...cells.map((cell, i) => make(i === 0 ? "th" : name, { scope: i === 0 && name === "td" ? "row" : "col" }, String(cell))));
  const body = heads.map(([model, m, overlap, times]) => {
    const out = row([model, m, overlap, times], "td");
    out.querySelectorAll("td").forEach((cell) => cell.removeAttribute("scope"));
    return out;
  });
  return make("table", { class: "heads" }, make("thead", {}, row(["head of", "m", "mean cos²", "times 1/m"], "th")), make("tbody", {}, ...body));
}
