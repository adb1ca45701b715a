// SPDX-License-Identifier: Apache-2.0
#include "superpose/checkpoint/pickle.h"

#include <gtest/gtest.h>

#include "superpose/checkpoint/torch_fixtures.h"
#include "superpose/checkpoint/torch_globals.h"

namespace superpose::checkpoint {
namespace {

using namespace std::string_literals;

PickleTree read(const std::string& pickle) {
  const Bytes bytes = bytes_of(pickle);
  ByteReader reader{std::span<const std::byte>(bytes)};
  return read_pickle(reader, is_known_torch_global);
}

// Python's repr, near enough, so that a test is one line.
std::string show(const PickleTree& tree, PickleTree::Id id) {
  const auto list = [&](std::string_view open, std::string_view close) {
    std::string out(open);
    for (const auto item : tree.items(id)) out += (out.size() > open.size() ? "," : "") + show(tree, item);
    return out + std::string(close);
  };
  switch (tree.kind(id)) {
    case PickleKind::none:
      return "None";
    case PickleKind::boolean:
      return tree.boolean(id) ? "True" : "False";
    case PickleKind::integer:
      return std::to_string(tree.integer(id));
    case PickleKind::large_integer:
      return "large";
    case PickleKind::real:
      return std::to_string(tree.real(id));
    case PickleKind::text:
      return "'" + std::string(tree.text(id)) + "'";
    case PickleKind::bytes:
      return "b'" + std::string(tree.text(id)) + "'";
    case PickleKind::tuple:
      return list("(", ")");
    case PickleKind::list:
      return list("[", "]");
    case PickleKind::dict:
      return list("{", "}");
    case PickleKind::set:
      return list("set(", ")");
    case PickleKind::global:
      return std::string(tree.text(id));
    case PickleKind::object: {
      const auto state = tree.state(id);
      return show(tree, tree.callee(id)) + show(tree, tree.arguments(id)) + list("{", "}") +
             (state ? "|" + show(tree, *state) : "");
    }
    case PickleKind::persistent:
      return "@" + show(tree, tree.reference(id));
  }
  return "";
}
std::string show(const std::string& pickle) {
  const PickleTree tree = read(pickle);
  return show(tree, tree.root());
}

TEST(Pickle, numbers) {
  EXPECT_EQ(show("N."), "None");
  EXPECT_EQ(show("(\x88\x89t."), "(True,False)");
  EXPECT_EQ(show("(I00\nI01\nI1\nI-7\nt."), "(False,True,1,-7)");
  EXPECT_EQ(show("(K\xffM\xff\xffJ\xff\xff\xff\xfft."), "(255,65535,-1)");
  EXPECT_EQ(show("(\x8a\x00\x8a\x01\xff\x8a\x02\xff\x00\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80t."s),
            "(0,-1,255,-9223372036854775808)");
  EXPECT_EQ(show("(L12L\nL-3\nL99999999999999999999L\nt."), "(12,-3,large)");
  EXPECT_EQ(show("(F2.5\nG\xbf\xf8\x00\x00\x00\x00\x00\x00t."s), "(2.500000,-1.500000)");
}

TEST(Pickle, texts) {
  EXPECT_EQ(show("(X\x02\x00\x00\x00hi\x8c\x03you\x8d\x01\x00\x00\x00\x00\x00\x00\x00!t."s), "('hi','you','!')");
  EXPECT_EQ(show("(S'one'\nS\"two\"\nVthree\nU\x04"
                 "fourT\x02\x00\x00\x00okt."s),
            "('one','two','three','four','ok')");
  EXPECT_EQ(show("(C\x01"
                 "aB\x01\x00\x00\x00"
                 "b\x8e\x01\x00\x00\x00\x00\x00\x00\x00"
                 "c\x96\x01\x00\x00\x00\x00\x00\x00\x00"
                 "dt."s),
            "(b'a',b'b',b'c',b'd')");
}

TEST(Pickle, containers) {
  EXPECT_EQ(show("()N\x85NN\x86NNN\x87t."), "((),(None),(None,None),(None,None,None))");
  EXPECT_EQ(show("]K\x01"
                 "a(K\x02K\x03"
                 "e."),
            "[1,2,3]");
  EXPECT_EQ(show("(K\x01K\x02l."), "[1,2]");
  EXPECT_EQ(show("}K\x01K\x02s(K\x03K\x04u."), "{1,2,3,4}");
  EXPECT_EQ(show("(K\x01K\x02"
                 "d."),
            "{1,2}");
  EXPECT_EQ(show("(\x8f(K\x01\x90(K\x02\x91t."), "(set(1),set(2))");
  EXPECT_EQ(show("K\x01(K\x02K\x03"
                 "10K\x04."),
            "4");                        // POP_MARK, POP
  EXPECT_EQ(show("((0K\x05t."), "(5)");  // POP of a mark
  EXPECT_EQ(show("K\x01"
                 "2\x86."),
            "(1,1)");
}

TEST(Pickle, memo_gives_the_same_value_again) {
  EXPECT_EQ(show("]q\x00h\x00\x86."s), "([],[])");
  EXPECT_EQ(show("K\x01\x94K\x02\x94h\x00h\x01\x87."s), "(2,1,2)");
  EXPECT_EQ(show("K\x07p3000000000\n0g3000000000\n."), "7");
  EXPECT_EQ(show("K\x07r\xff\xff\xff\xff"
                 "0K\x08j\xff\xff\xff\xff\x86."),
            "(8,7)");
  const PickleTree tree = read("]q\x00h\x00\x86."s);
  EXPECT_EQ(tree.items(tree.root())[0], tree.items(tree.root())[1]);
}

TEST(Pickle, a_list_may_hold_itself) {
  const PickleTree tree = read(
      "]q\x00h\x00"
      "a."s);
  EXPECT_EQ(tree.items(tree.root())[0], tree.root());
}

TEST(Pickle, calls_and_objects_become_values) {
  EXPECT_EQ(show("ctorch\nSize\nK\x02\x85\x85R."), "torch.Size((2)){}");
  EXPECT_EQ(show("\x8c\x08"
                 "argparse\x8c\x09Namespace\x93)\x81}\x8c\x01nK\x03sb."),
            "argparse.Namespace(){}|{'n',3}");
  EXPECT_EQ(show("ccollections\nOrderedDict\n)RK\x01K\x02s."), "collections.OrderedDict(){1,2}");
  EXPECT_EQ(show("(K\x01itorch\nSize\n."), "torch.Size(1){}");
  EXPECT_EQ(show("(ctorch\nSize\nK\x01o."), "torch.Size(1){}");
  EXPECT_EQ(show("ctorch\nSize\n)}\x92."), "torch.Size(){}|{}");
  EXPECT_EQ(show("(Pname\nK\x01Qt."), "(@'name',@1)");
}

TEST(Pickle, hostile_globals_are_named) {
  const std::pair<std::string, std::string> rows[] = {
      {"cos\nsystem\n(S'true'\ntR.", "os.system"},
      {"\x80\x02"
       "cposix\nsystem\nX\x04\x00\x00\x00true\x85R."s,
       "posix.system"},
      {"\x80\x04\x8c\x08"
       "builtins\x8c\x04"
       "eval\x93\x8c\x01"
       "1\x85R."s,
       "builtins.eval"},
      {"c__builtin__\nexec\n.", "__builtin__.exec"},
      {"(S'true'\nisubprocess\nPopen\n.", "subprocess.Popen"},
      {"cbuiltins\ngetattr\n.", "builtins.getattr"},
      {"cnumpy.testing._private.utils\nrunstring\n.", "numpy.testing._private.utils.runstring"},
      {"ctorch\nload\n.", "torch.load"},
      {"ctransformers.utils\nrun\n.", "transformers.utils.run"},
      {"c__main__\nExploit\n.", "__main__.Exploit"},
      {"\x80\x04\x8c\x02os\x8c\x06system\x93"
       "0N.",
       "os.system"},  // named, never called
  };
  for (const auto& row : rows) {
    expect_error(ErrorKind::unsupported, "\"" + row.second + "\"", [&] { read(row.first); });
  }
}

TEST(Pickle, damaged) {
  const std::pair<std::string, std::string> rows[] = {
      {"", "pickle opcode at byte 0 needs 1 bytes"},
      {".", "the stack is empty"},
      {"(.", "the stack is empty"},
      {"(a.", "the stack is empty"},
      {"t.", "no mark"},
      {"hq.", "nothing was remembered as number 113"},
      {"q\x01.", "the stack is empty"},
      {"Na.", "the stack is empty"},
      {"NNa.", "holds none of this kind"},
      {"}(Nu.", "a key without a value"},
      {"N)R.", "something is called that is no global"},
      {"NNb.", "no object"},
      {"\xffN.", "0xff is no opcode"},
      {"NN\x93.", "the name of a global is no text"},
      {"Iabc\n.", "\"abc\" is no integer"},
      {"Fx\n.", "\"x\" is no number"},
      {"S'a\n.", "no quoted string"},
      {"I1", "line of a pickle"},
      {"X\xff\xff\xff\xff"
       "a.",
       "a text of 4294967295 bytes"},
      {"\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
       "a.",
       "a text of 18446744073709551615 bytes"},
      {"T\xff\xff\xff\xff"
       "a.",
       "a text of -1 bytes"},
      {"\x8b\xff\xff\xff\x7f.", "an integer of 2147483647 bytes"},
      {"\x8b\xff\xff\xff\xff.", "an integer of -1 bytes"},
      {"\x95\xff\xff\xff\xff\xff\xff\xff\x7fN.", "a frame of"},
      {"g-1\n.", "\"-1\" is no number of the memo"},
  };
  for (const auto& row : rows) {
    expect_error(ErrorKind::bad_file, row.second, [&] { read(row.first); });
  }
  expect_error(ErrorKind::bad_file, "a line of more than", [] { read("I" + std::string(1 << 20, '1')); });
  expect_error(ErrorKind::bad_file, "an integer of 1048576 bytes",
               [] { read("\x8b" + pkl::raw(1 << 20) + std::string(1 << 20, '\xff') + "."); });
}

TEST(Pickle, what_is_not_read) {
  expect_error(ErrorKind::unsupported, "protocol 6", [] { read("\x80\x06N."); });
  for (const char* pickle : {"\x82\x01", "\x83\x01\x01", "\x84\x01\x01\x01\x01"}) {
    expect_error(ErrorKind::unsupported, "extension registry", [&] { read(pickle); });
  }
  for (const char* pickle : {"\x97.", "N\x98."}) {
    expect_error(ErrorKind::unsupported, "buffers outside", [&] { read(pickle); });
  }
}

// A million levels, and a value that stands for 2^100 others: built and thrown away without recursion and without
// copies.
TEST(Pickle, bombs) {
  const size_t depth = 1'000'000;
  EXPECT_EQ(read(std::string(depth, ']') + std::string(depth - 1, 'a') + ".").size(), depth + 4);
  EXPECT_EQ(read("N" + std::string(depth, '\x85') + ".").size(), depth + 4);
  std::string doubling = "]q\x00"s;
  for (char k = 1; k <= 100; ++k)
    doubling += "]q"s + k + "(h" + static_cast<char>(k - 1) + "h" + static_cast<char>(k - 1) + "e";
  EXPECT_EQ(read(doubling + ".").size(), 101u + 4);
  expect_error(ErrorKind::unsupported, "more than 4000000 values", [] { read(std::string(4'000'000, ']') + "."); });
}

}  // namespace
}  // namespace superpose::checkpoint
