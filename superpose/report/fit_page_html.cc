// SPDX-License-Identifier: Apache-2.0
// The text of a fit's page as HTML. Names of tables, columns and groups are hostile: everything passes through
// escaped().
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "superpose/base/version.h"
#include "superpose/report/cells.h"
#include "superpose/report/fit_page_data.h"
#include "superpose/report/html.h"
#include "superpose/report/page.h"

namespace superpose::report {
namespace {

constexpr size_t kMostWarnings = 40, kMostFloors = 12, kMostCompared = 60, kMostTableRows = 512;

std::string badge(const char* css, const char* icon, const char* word) {
  return fmt::format("<span class=\"badge {}\"><span class=\"icon\" aria-hidden=\"true\">{}</span>{}</span>", css, icon,
                     word);
}

std::string section(const char* id, const char* title, const std::string& html) {
  if (html.empty()) return "";
  return fmt::format(
      "<section id=\"{0}\" aria-labelledby=\"{0}-title\">\n<h2 id=\"{0}-title\">{1}</h2>\n{2}</section>\n", id, title,
      html);
}

std::string figure_html(const FitPage& page, std::string_view id) {
  const std::string wanted = page.prefix + std::string(id);
  const auto found =
      std::find_if(page.figures.begin(), page.figures.end(), [&](const Figure& one) { return one.id == wanted; });
  if (found == page.figures.end()) return "";
  std::string out =
      fmt::format("<figure id=\"figure-{0}\" aria-label=\"{1}\">\n<h4>{1}</h4>\n", wanted, escaped(found->title));
  out += fmt::format(
      "<div class=\"chart\" data-figure=\"{}\"><noscript>The drawing needs JavaScript; the numbers are in this "
      "page's data.</noscript></div>\n<figcaption><p class=\"facts\">{} {}</p>\n",
      wanted, escaped(found->caption), escaped(found->interval));
  for (const std::string& note : found->notes) out += "<p class=\"facts\">" + escaped(note) + "</p>\n";
  return out + fmt::format(
                   "</figcaption>\n<details><summary>Numbers</summary><div class=\"numbers\" "
                   "data-numbers=\"{}\"></div></details>\n</figure>\n",
                   wanted);
}

// ---- the verdict

size_t count_if_unknown(const FitPage& page) {
  return static_cast<size_t>(std::count_if(page.parameters.begin(), page.parameters.end(),
                                           [](const FitParameter& p) { return !p.identified && !p.held; }));
}

std::string lead_of(const FitPage& page) {
  if (page.parameters.empty()) return "The fit has no parameters: there is nothing to say about the law.";
  const std::string rows = page.rows > 0 ? count_text(static_cast<double>(page.rows)) + " rows" : "The rows";
  const size_t all = page.parameters.size(), unknown = count_if_unknown(page);
  if (page.identified) return fmt::format("{} identify all {} parameters of the law.", rows, all);
  if (unknown == 0) return rows + " do not identify the law.";
  return fmt::format(
      "{} do not identify the law: {} of its {} parameters can be nearly anything. Such a parameter has an interval "
      "here "
      "and no value, and the line is no forecast.",
      rows, unknown == all ? "all" : std::to_string(unknown), all);
}

std::string inverse_width_html(const Json& fit) {
  const Json& verdict = member(fit, "inverse_width");
  const std::string word = text_field(verdict, "verdict"), because = text_field(verdict, "because");
  if (word.empty()) return "";
  const std::string answer = word == "confirmed" ? badge("confirmed", "✓", "yes, as far as these rows tell")
                             : word == "denied"  ? badge("denied", "✗", "no")
                                                 : badge("cannot_tell", "?", "cannot tell");
  return fmt::format("<p>Does the loss fall as 1/m? {} {}</p>\n", answer,
                     escaped(because.empty() ? "" : because + "."));
}

std::string verdict_html(const FitPage& page) {
  if (page.formula.empty() && page.parameters.empty()) return "";
  const std::string status = text_field(*page.fit, "status");
  std::string out = "<div class=\"verdict\"><p><b>" + escaped(page.formula) + "</b></p>\n<p>Identified? ";
  out += page.identified ? badge("confirmed", "✓", "yes") : badge("denied", "✗", "no");
  if (status == "flat") out += " The objective is flat: a range of exponents fits as well.";
  if (status == "at_bound") out += " The search ended at a bound of its range.";
  out += "</p>\n" + inverse_width_html(*page.fit);
  if (const auto r2 = field(*page.fit, "r2"); r2 && page.identified && *r2 > 0 && *r2 <= 1) {
    out +=
        fmt::format("<p>It explains {:.{}f} % of the variance of the loss (R²).</p>\n", 100 * *r2, *r2 > 0.999 ? 3 : 1);
  }
  return out + "</div>\n";
}

std::string list_html(const Json& list, const char* title, const char* css) {
  if (!list.is_array() || list.empty()) return "";
  std::string out = fmt::format("<div class=\"{}\"><h3>{}</h3><ul>\n", css, title);
  size_t shown = 0;
  for (const Json& one : list) {
    if (!one.is_string()) continue;
    if (++shown <= kMostWarnings) out += "<li>" + escaped(one.get<std::string>()) + "</li>\n";
  }
  if (shown == 0) return "";
  if (shown > kMostWarnings) out += fmt::format("<li>and {} more</li>\n", shown - kMostWarnings);
  return out + "</ul></div>\n";
}

// ---- parameters

std::string meaning_of(const FitPage& page, const FitParameter& parameter) {
  for (const FitTerm& term : page.terms) {
    std::string inputs;
    for (const std::string& input : term.inputs) inputs += (inputs.empty() ? "" : "·") + input;
    if (term.exponent == parameter.name) return "exponent of " + inputs;
    if (term.coefficient == parameter.name) return "coefficient of the term of " + inputs;
  }
  if (!page.offset.empty() && parameter.name == page.offset) return "floor: what is left when every term is gone";
  if (!page.offset.empty() && parameter.name.starts_with(page.offset + ".")) return "floor of one group";
  return "";
}

std::string value_html(const FitParameter& p) {
  if (p.held) return p.value ? escaped(number(*p.value, 4)) + " <small>held</small>" : "held";
  if (!p.identified)
    return "<b>not identified</b>" + (p.ci95 ? "<small>95 %: " + interval_text(*p.ci95) + "</small>" : "");
  if (p.ci95 && !p.ci95->bounded()) return "<b>" + interval_text(*p.ci95) + "</b>";
  if (!p.ci95) return number(p.value, 4) + " <small>no interval</small>";
  return "<b>" + with_interval(p.value, Interval{p.ci95->low, p.ci95->high}) + "</b>";
}

std::string bound_note(const FitParameter& p) { return p.at_bound ? "<small>at a bound of the search</small>" : ""; }

std::string parameter_row(const FitPage& page, const FitParameter& p, const std::string& shown) {
  const auto kind = [](const std::optional<OpenInterval>& interval) {
    return interval ? interval_text(*interval) : "";
  };
  std::string out = fmt::format(
      "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\" data-label=\"Parameter\">{}<br><small>{}</small></th>",
      escaped(shown), escaped(meaning_of(page, p)));
  out += cell("Value, 95 % interval", value_html(p) + bound_note(p), "num");
  out += cell("Standard error", p.identified && p.se ? amount(*p.se, 2) : "", "num");
  return out + cell("Profile", kind(p.profile), "num") + cell("Bootstrap", kind(p.bootstrap), "num") +
         cell("t", kind(p.asymptotic), "num") + "</tr>\n";
}

std::string parameter_table(const FitPage& page, const std::vector<const FitParameter*>& list, const char* caption,
                            size_t prefix) {
  if (list.empty()) return "";
  std::string out = fmt::format("<table role=\"table\" class=\"stack\"><caption>{}</caption>", escaped(caption)) +
                    head_row({prefix > 0 ? "Group" : "Parameter", "Value, 95 % interval", "Standard error", "Profile",
                              "Bootstrap", "t"}) +
                    "<tbody role=\"rowgroup\">\n";
  for (size_t i = 0; i < std::min(list.size(), kMostTableRows); ++i)
    out += parameter_row(page, *list[i], list[i]->name.substr(prefix));
  return out + "</tbody></table>\n";
}

std::string parameters_html(const FitPage& page) {
  std::vector<const FitParameter*> main, floors;
  const std::string floor = page.offset + ".";
  for (const FitParameter& p : page.parameters)
    (!page.offset.empty() && p.name.starts_with(floor) ? floors : main).push_back(&p);
  const std::string method = text_field(*page.fit, "interval_method");
  std::string out = parameter_table(
      page, main,
      ("Parameters; the interval beside the value is by " + (method.empty() ? "an unknown method" : method)).c_str(),
      0);
  const std::string table = parameter_table(page, floors, ("Floors " + page.offset + "[group]").c_str(), floor.size());
  if (floors.size() <= kMostFloors) return out + table;
  return out + fmt::format("<details><summary>The floors of {} groups</summary>{}</details>\n", floors.size(), table);
}

// ---- other laws

std::string law_row(const std::string& name, const std::string& formula, const Json& row, const char* mark) {
  std::string out = fmt::format(
      "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\" data-label=\"Law\">{}{}<br><small>{}</small></th>",
      escaped(name), mark, escaped(formula));
  const auto rms = field(row, "backtest_rms_error"), delta = field(row, "delta_aicc");
  const std::string sign = delta && *delta > 0 ? "+" : "";
  return out + cell("Parameters", count_text(field(row, "parameters")), "num") +
         cell("ΔAICc", delta ? sign + number(*delta, 3) : "", "num") +
         cell("AICc", number(field(row, "aicc"), 5), "num") + cell("BIC", number(field(row, "bic"), 5), "num") +
         cell("Backtest error, rms", number(rms, 3), "num") + "</tr>\n";
}

std::string comparison_html(const FitPage& page) {
  const Json &fit = *page.fit, &list = member(fit, "compared_to");
  if (!list.is_array() || list.empty()) return "";
  std::string out =
      "<p class=\"facts\">ΔAICc: how much higher the AICc is than that of this fit. Below 0: that law describes the "
      "rows better for its number of parameters; above 10: hardly anything speaks for it. The backtest error is that "
      "of the largest rows, predicted from the rest. A yardstick is no law of scale, only what a law has to beat.</p>\n"
      "<table role=\"table\" class=\"stack\"><caption>The same rows under other laws</caption>" +
      head_row({"Law", "Parameters", "ΔAICc", "AICc", "BIC", "Backtest error, rms"}) + "<tbody role=\"rowgroup\">\n";
  const auto free =
      std::count_if(page.parameters.begin(), page.parameters.end(), [](const FitParameter& p) { return !p.held; });
  const Json own{{"parameters", free},
                 {"delta_aicc", field(fit, "aicc") ? Json(0) : Json()},
                 {"aicc", member(fit, "aicc")},
                 {"bic", member(fit, "bic")},
                 {"backtest_rms_error", member(member(fit, "backtest"), "rms_error")}};
  out += law_row(page.law, page.formula, own, " <span class=\"badge strong\">this fit</span>");
  size_t shown = 0;
  for (const Json& one : list) {
    if (!one.is_object() || ++shown > kMostCompared) continue;
    const bool yardstick = member(one, "yardstick") == Json(true);
    out += law_row(text_field(one, "law"), text_field(one, "formula"), one,
                   yardstick ? " <small>(yardstick)</small>" : "");
  }
  return out + "</tbody></table>\n";
}

// ---- diagnostics

std::string runs_sentence(const FitPage& page, const Json& diagnostics) {
  const auto runs = field(diagnostics, "runs"), p = field(diagnostics, "runs_p");
  if (!runs) return "";
  const std::string along = page.inputs.empty() ? "the first input" : page.inputs.front().name;
  const std::string found = fmt::format("Along {} the residuals make {} runs of equal sign", along, count_text(runs));
  if (!p) return found + "; the rows are too few to say whether that is chance.";
  return found +
         fmt::format(", which chance gives with p = {}: {}.", number(*p, 2),
                     *p < 0.01 ? "they are not independent, so the form of the law does not fit or rows belong together"
                     : *p < 0.05 ? "a hint that they are not independent"
                                 : "no sign against the form of the law");
}

std::string leverage_sentence(const Json& diagnostics) {
  const auto leverage = field(diagnostics, "largest_leverage"), row = field(diagnostics, "leverage_row");
  if (!leverage || !row) return "";
  return fmt::format("Row {} has the largest leverage: it makes {:.0f} % of its own prediction.", count_text(*row + 1),
                     100 * std::clamp(*leverage, 0.0, 1.0));
}

std::string influence_sentence(const FitPage& page, const Json& diagnostics) {
  const std::string name = text_field(diagnostics, "influence_of");
  const Json& list = member(diagnostics, "influential");
  const FitParameter* parameter = page.parameter(name);
  if (!list.is_array() || !parameter) return "";
  std::string out;
  for (const Json& one : list) {
    const auto shift = field(one, "shift_in_se"), value = field(one, "value");
    if (!shift) continue;
    const std::string errors = fmt::format("{}{} standard errors", *shift > 0 ? "+" : "", number(*shift, 2));
    const bool known = parameter->known() && value;
    out += out.empty() ? fmt::format("What {} rests on most: without ", name) : "; without ";
    out += fmt::format("{} it moves by {}{}", text_field(one, "unit"), errors, known ? " to " + number(*value) : "");
  }
  return out.empty() ? "" : out + ".";
}

std::string bootstrap_sentence(const FitPage& page) {
  const Json& bootstrap = member(*page.fit, "bootstrap");
  const auto resamples = field(bootstrap, "resamples"), units = field(bootstrap, "units"),
             failed = field(bootstrap, "failed"), bound = field(bootstrap, "at_bound");
  if (!resamples || !units) return "";
  std::string out = fmt::format("Bootstrap: {} resamples of {} {}", count_text(resamples), count_text(units),
                                text_field(bootstrap, "unit"));
  if (failed) out += fmt::format("; {} had no fit", count_text(failed));
  if (bound) out += fmt::format("; {} ended at a bound of the search", count_text(bound));
  return out + ".";
}

std::string backtest_sentence(const FitPage& page) {
  const Json& backtest = member(*page.fit, "backtest");
  const auto rms = field(backtest, "rms_error"), covered = field(backtest, "covered");
  if (!rms) return "";
  std::string out = fmt::format("Backtest: rms error {}", number(*rms));
  if (covered && !page.backtest.empty()) {
    out += fmt::format("; {} of {} held-out rows inside of their 95 % interval", count_text(covered),
                       page.backtest.size());
  }
  return out + ".";
}

std::string diagnostics_html(const FitPage& page) {
  const Json& diagnostics = member(*page.fit, "diagnostics");
  std::string out;
  for (const std::string& sentence :
       {runs_sentence(page, diagnostics), leverage_sentence(diagnostics), influence_sentence(page, diagnostics),
        bootstrap_sentence(page), backtest_sentence(page)}) {
    if (!sentence.empty()) out += "<li>" + escaped(sentence) + "</li>\n";
  }
  return out.empty() ? "" : "<ul>\n" + out + "</ul>\n";
}

// ---- how it was made

std::string made_html(const FitPage& page) {
  const Json& fit = *page.fit;
  std::string out;
  const auto add = [&](const char* name, const std::string& html) {
    if (!html.empty()) out += fmt::format("<dt>{}</dt><dd>{}</dd>\n", name, html);
  };
  const std::string command = fit_command(page), version = text_field(fit, "version");
  if (!command.empty()) add("Command", "<pre><code>" + escaped(command) + "</code></pre>");
  add("Table", code(page.table));
  add("Law", escaped(page.law) + (page.formula.empty() ? "" : ": " + escaped(page.formula)));
  add("Objective", escaped(text_field(fit, "objective_is")));
  const auto read = field(fit, "rows_read");
  if (page.rows > 0) {
    add("Rows",
        count_text(static_cast<double>(page.rows)) + (read ? " used of " + count_text(read) + " read" : " used"));
  }
  add("Intervals", escaped(text_field(fit, "interval_method")));
  add("Version", version.empty() ? "" : "superpose " + escaped(version));
  return (out.empty() ? "" : "<dl>\n" + out + "</dl>\n") + list_html(member(fit, "notes"), "Columns", "box");
}

std::string header_html(const FitPage& page, const std::vector<std::pair<const char*, const char*>>& links) {
  std::string out =
      fmt::format("<header>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n",
                  page.law.empty() ? "A fit"
                                   : "Law " + escaped(law_name(page)) +
                                         (page.table.empty() ? "" : " fitted to " + escaped(file_name(page.table))),
                  escaped(lead_of(page)));
  out += fmt::format(
      "<p class=\"meta\">Made by superpose {} (<code>superpose fit TABLE --law LAW -o fit.html</code>). One file, "
      "nothing is loaded from anywhere.</p>\n<nav aria-label=\"sections\">",
      kVersion);
  for (const auto& [id, title] : links) out += fmt::format("<a href=\"#{}\">{}</a> ", id, title);
  return out + "</nav>\n</header>\n";
}

}  // namespace

std::string fit_section(const FitPage& page) {
  std::string out = fmt::format(
      "<h3>{} <small>{}</small></h3>\n<p>{}</p>\n", page.law.empty() ? "A fit" : "Law " + escaped(law_name(page)),
      page.table.empty() ? "" : "fitted to " + escaped(file_name(page.table)), escaped(lead_of(page)));
  out += verdict_html(page) + list_html(member(*page.fit, "warnings"), "Warnings", "findings") + parameters_html(page);
  for (const char* id : {"law", "terms", "residuals", "profiles", "pairs", "backtest"}) out += figure_html(page, id);
  return out + "<details><summary>How this was made</summary>" + made_html(page) + "</details>\n";
}

std::string fit_body(const FitPage& page) {
  struct Part {
    const char *id, *title;
    std::string html;
  };
  const std::vector<Part> parts{
      {"parameters", "Parameters", parameters_html(page)},
      {"law", "Data and law", figure_html(page, "law") + figure_html(page, "terms")},
      {"residuals", "Residuals", figure_html(page, "residuals")},
      {"certainty", "How well the parameters are known", figure_html(page, "profiles") + figure_html(page, "pairs")},
      {"forecast", "Does it forecast?", figure_html(page, "backtest")},
      {"comparison", "Other laws", comparison_html(page)},
      {"diagnostics", "Diagnostics", diagnostics_html(page)},
      {"made", "How this was made", made_html(page)}};
  std::vector<std::pair<const char*, const char*>> links;
  std::string sections;
  for (const Part& part : parts) {
    if (part.html.empty()) continue;
    links.emplace_back(part.id, part.title);
    sections += section(part.id, part.title, part.html);
  }
  return header_html(page, links) + "<main class=\"inspection\">\n" + verdict_html(page) +
         list_html(member(*page.fit, "warnings"), "Warnings", "findings") + sections + "</main>\n";
}

}  // namespace superpose::report
