// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <map>
#include <new>

#include "superpose/base/base.h"
#include "superpose/cli/cli.h"
#include "superpose/study/study.h"

namespace superpose::cli {
namespace {

constexpr int kInternalError = 1;

// "--lr_bias=1" -> "--lr-bias=1": both spellings of a flag are accepted.
std::vector<std::string> normalized(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  for (auto& word : words) {
    if (word == "--") break;
    if (!word.starts_with("--")) continue;
    const size_t end = std::min(word.find('='), word.size());
    std::replace(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(end), '_', '-');
  }
  return words;
}

std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> out;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) out.push_back("--" + name);
  }
  return out;
}

int usage_error(const std::string& text) {
  fmt::print(stderr, "superpose: {}\n", text);
  return exit_code(ErrorKind::usage);
}

// What the user wrote that nobody knows, with the nearest known name.
int unknown_words(const CLI::App& verb, const std::vector<std::string>& words) {
  const std::string& word = words.front();
  const std::string flag = word.substr(0, word.find('='));
  if (!flag.starts_with("-")) {
    return usage_error(
        fmt::format("{}: unexpected argument '{}'; see superpose {} --help", verb.get_name(), word, verb.get_name()));
  }
  return usage_error(fmt::format("{}: unknown flag {}{}; see superpose {} --help", verb.get_name(), flag,
                                 suggestion(flag, flags_of(verb)), verb.get_name()));
}

}  // namespace

int run(int argc, char** argv) try {
  study::check_environment();
  CLI::App app(
      "superpose: does superposition explain why wider models are better? Train toy models, measure\n"
      "checkpoints, fit losses, and see each claim confirmed or denied.");
  app.name("superpose");
  app.set_version_flag("--version", std::string("superpose ") + kVersion);
  app.require_subcommand(0, 1);
  app.footer(
      "Each verb: superpose VERB --help. Exit codes: 0 done, 2 usage, 3 bad file, 4 input/output, 5 unsupported,\n"
      "6 numeric, 128 + n stopped by signal n (what was finished is kept).\nResults go to stdout (--json: one JSON "
      "object), progress and errors to stderr.");
  std::map<const CLI::App*, Action> actions;
  std::vector<std::string> names;
  for (const Verb& verb : verbs()) {
    CLI::App* sub = app.add_subcommand(verb.name, verb.summary);
    sub->footer(std::string("Example:\n") + verb.example);
    sub->allow_extras();  // collected, so that the message can name the nearest known flag
    actions[sub] = verb.declare(*sub);
    names.emplace_back(verb.name);
  }
  std::vector<std::string> words = normalized(argc, argv);
  if (!words.empty() && !words[0].starts_with("-") && std::find(names.begin(), names.end(), words[0]) == names.end()) {
    return usage_error(fmt::format("unknown verb '{}'{}", words[0], suggestion(words[0], names)));
  }
  std::reverse(words.begin(), words.end());  // CLI11 takes them last first
  try {
    app.parse(words);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    fmt::print("{}", chosen.empty() ? app.help() : chosen[0]->help("superpose"));
    return 0;
  } catch (const CLI::CallForVersion& e) {
    fmt::print("{}\n", e.what());
    return 0;
  } catch (const CLI::ExtrasError&) {
    return usage_error(fmt::format("unknown flag {}{}", argv[1], suggestion(argv[1], flags_of(app))));
  } catch (const CLI::ParseError& e) {
    const auto chosen = app.get_subcommands();
    if (!chosen.empty() && !chosen[0]->remaining().empty() && chosen[0]->remaining()[0].starts_with("-")) {
      return unknown_words(*chosen[0], chosen[0]->remaining());
    }
    const std::string verb = chosen.empty() ? "" : chosen[0]->get_name() + ": ";
    return usage_error(fmt::format("{}{}", verb, e.what()));
  }
  const auto chosen = app.get_subcommands();
  if (chosen.empty()) {
    fmt::print("{}", app.help());
    return argc > 1 ? exit_code(ErrorKind::usage) : 0;
  }
  if (const auto extra = chosen[0]->remaining(); !extra.empty()) return unknown_words(*chosen[0], extra);
  const int code = actions.at(chosen[0])();
  if (std::fflush(stdout) != 0) throw Error(ErrorKind::io, "cannot write to standard output");
  return code;
} catch (const Error& e) {
  fmt::print(stderr, "superpose: {}\n", e.what());
  return exit_code(e.kind());
} catch (const std::bad_alloc&) {
  fmt::print(stderr, "superpose: out of memory\n");
  return exit_code(ErrorKind::io);
} catch (const std::exception& e) {
  fmt::print(stderr, "superpose: internal error: {}\n", e.what());
  return kInternalError;
}

}  // namespace superpose::cli
