// SPDX-License-Identifier: Apache-2.0
// hub: the files of a model repository on a Hugging Face hub, by name, of which only the bytes that are asked for are
// read.
//
//   hf:OWNER/NAME[@REVISION][:FILE]  ->  Folder  ->  File  ->  bytes
//
// A file is looked for in the local hub cache first (the snapshot of the revision, as Python's huggingface_hub leaves
// it); what is not there is read from the server with HTTP range requests. The first answer of the server says which
// commit the revision stands for, and every later request asks for that commit, so that all files belong together. What
// was fetched is kept in an unlinked sparse file, so a second pass over a tensor downloads nothing; nothing is added to
// the hub cache.
//
// A server is not trusted. Certificates are always verified. The token goes to the endpoint only, never to the host
// that a redirect leads to, and over plain http only to this machine; it is in no message. Every reply is limited in
// size, every range is compared with the range that was asked for, and a file that changes between two requests is
// noticed.
//
// Errors: usage (an id or HF_ENDPOINT that cannot be), io (not there, not allowed, network, a server that does not keep
// its word), unsupported (a server that sends whole files only). Everything is thread-safe.
//
// Who calls it: checkpoint/ (opens hf: ids). docs/hub.md is for users.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "superpose/base/file.h"

namespace superpose::hub {

struct HubId {
  std::string repository;         // "openai-community/gpt2" or, of the oldest models, "gpt2"
  std::string revision = "main";  // a branch, a tag, "refs/pr/1" or a commit
  std::string file;               // one file of it, "onnx/model.onnx"; empty: the folder
};
bool is_hub_id(std::string_view text);      // begins with "hf:"
HubId parse_hub_id(std::string_view text);  // Error{usage} with an example
std::string to_text(const HubId& id);       // of the folder: "hf:gpt2", "hf:gpt2@v1"

struct HubOptions {
  std::string endpoint = "https://huggingface.co";
  std::string token;                       // empty: none
  std::filesystem::path cache;             // holds models--OWNER--NAME folders; empty: no cache
  std::filesystem::path certificates;      // file of trusted authorities; empty: the system's
  std::filesystem::path scratch = "/tmp";  // where fetched bytes are kept while a file is open
  bool offline = false;                    // only the cache
  // A connection must be there after this time, and no transfer may be slower than 1 KiB/s for as long.
  int timeout_seconds = 30;
};
// HF_ENDPOINT; HF_TOKEN, HUGGING_FACE_HUB_TOKEN or the token file (HF_TOKEN_PATH, HF_HOME/token); HF_HUB_CACHE,
// HUGGINGFACE_HUB_CACHE or HF_HOME/hub; HF_HUB_OFFLINE; SSL_CERT_FILE or CURL_CA_BUNDLE; TMPDIR;
// SUPERPOSE_HTTP_TIMEOUT. HF_HOME is $XDG_CACHE_HOME/huggingface or ~/.cache/huggingface unless set. Error{usage} for
// values that cannot be.
HubOptions options_from_environment();

struct Traffic {
  uint64_t bytes = 0;     // of the bodies that came over the network: more than was asked for, never less
  uint64_t requests = 0;  // redirects count as requests of their own
};

class HubFolder : public Folder {  // names(): of the top folder only; has() and open() also take "onnx/model.onnx"
 public:
  virtual Traffic traffic() const = 0;  // so far, of this folder and the files it opened
  virtual std::vector<std::string> notes()
      const = 0;  // what the user should know: plain http, server out of reach, ...
};
// Asks the server nothing yet. The files it opens outlive the folder. Error{usage}: the endpoint or the token cannot
// be; Error{io}: offline, and the cache does not hold the revision.
std::unique_ptr<HubFolder> open_hub(const HubId& id, const HubOptions& options);

}  // namespace superpose::hub
