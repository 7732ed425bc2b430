import Foundation
import TallyBase
import Testing

/// Stores that cannot be opened, are held by others, or run out of room.
@Suite("stores that cannot be used")
struct StoreErrorTests {
  let small: SmallStore
  let folder: ScratchFolder

  init() throws {
    small = try SmallStore()
    folder = try ScratchFolder()
  }

  private static let row = #"{"time":"2026-01-05T10:00:00Z","org":"acme","input_tokens":1}"#

  /// Runs shell commands in the scratch folder; `$row` is an event, `$small` the store.
  private func shell(_ script: String) throws -> [String] {
    let run = try TallyProcess.shell(
      """
      cd '\(folder.url.path)'; row='\(Self.row)'; small='\(small.path)'
      count() { tally query --db "$1" --format csv 'count(*) as n' | tail -1; }
      plain() {
        if [ $(id -u) = 0 ]; then setpriv --reuid 65534 --clear-groups "$@"; else "$@"; fi
      }
      \(script)
      """)
    return run.output.split(separator: "\n").map(String.init)
  }

  @Test("a path that is no store is told apart by what it is, with exit code 3")
  func notAStore() throws {
    let lines = try shell(
      """
      touch file; mkdir empty
      for path in file none empty; do tally query --db $path 'count(*)' 2>&1; echo $?; done
      echo "$row" | tally import --db file - 2>&1; echo $?; ls none 2> /dev/null
      """)
    #expect(
      lines == [
        "error: 'file' is a file, expected the directory of a store [file]", "3",
        "error: there is no store at 'none' [none]",
        "hint: import or generate events to create it, or name another one with --db", "3",
        "error: the directory 'empty' is not a store [empty]",
        "hint: name the directory of a store, or one that does not exist yet", "3",
        "error: 'file' is a file, expected the directory of a store [file]", "3",
      ])
  }

  @Test("a newer store is refused by its version, never called damaged")
  func newerVersion() throws {
    let current = URL(filePath: small.path).appending(path: "CURRENT")
    let old = try String(contentsOf: current, encoding: .utf8)
    let line = Array(old.replacing("tally-store 1", with: "tally-store 2").utf8).dropLast(9)
    let digits = String(CRC32C.checksum(Array(line)), radix: 16)
    let padded = String(repeating: "0", count: 8 - digits.count) + digits
    try Data(Array(line) + Array((padded + "\n").utf8)).write(to: current)
    for command in [
      ["query", "--db", small.path, "count(*)"], ["import", "--db", small.path, "-"],
    ] {
      let run = try TallyProcess.run(command, input: Self.row)
      #expect(run.status == 3)
      #expect(run.errors.contains("version: the store is of layout version 2, this build reads up"))
      #expect(run.errors.contains("hint: use the newer Tally that wrote it"))
    }
  }

  @Test("without permission, a store is read but not written, and the message names the file")
  func permissions() throws {
    let lines = try shell(
      """
      plain tally --help > /dev/null 2>&1 || { echo skipped; exit; }
      chmod 755 .; cp -r "$small" ro; chmod -R a-w,a+rX ro; echo "$row" > in.jsonl
      plain tally query --db ro --format csv 'count(*) as n'
      plain tally import --db ro in.jsonl 2>&1; echo $?
      chmod 000 in.jsonl; plain tally import --db "$small" in.jsonl 2>&1; echo $?; chmod -R u+w ro
      """)
    let hint = "hint: check the owner and permissions of the file and of the directories above"
    if lines == ["skipped"] { return }
    #expect(
      lines == [
        "n", "5", "I/O error: open of 'ro/LOCK' failed: Permission denied [ro/LOCK]", hint, "3",
        "I/O error: open of 'in.jsonl' failed: Permission denied [in.jsonl]", hint, "3",
      ])
  }

  @Test("a full disk leaves the store as it was, and the next import works")
  func fullDisk() throws {
    let lines = try shell(
      """
      mkdir disk; mount -t tmpfs -o size=1m none disk 2> /dev/null || { echo skipped; exit; }
      echo "$row" | tally import --db disk/s -
      dd if=/dev/zero of=disk/fill bs=4k 2> /dev/null
      echo "$row" | tally import --db disk/s - 2>&1; echo $?
      count disk/s; rm disk/fill; echo "$row" | tally import --db disk/s -; count disk/s
      umount disk
      """)
    if lines == ["skipped"] { return }
    let imported = "imported=1 rejected=0 duplicates=0"
    #expect(lines.count == 7)
    #expect(lines.first == imported)
    #expect(lines[1].hasPrefix("disk full: ") && lines[1].contains("the disk has 0 bytes left"))
    #expect(lines[2] == "hint: free some space, or let days go with 'tally retain'")
    #expect(Array(lines[3...]) == ["3", "1", imported, "2"])
  }

  /// Starts an import of the named pipe `pipe` that waits for more after 50,000 rows; the next
  /// lines run meanwhile. A pipe holds few rows, so most of them were taken by then.
  private static let startWriter = """
    mkfifo pipe; tally import --db "$small" - < pipe > out 2>&1 & writer=$!
    exec 3> pipe; until grep -qs $writer "$small/LOCK"; do :; done
    yes "$row" 2>/dev/null | head -50000 >&3
    """

  @Test("a second writer is told who holds the store; readers are not in the way")
  func locked() throws {
    let lines = try shell(
      Self.startWriter + """

        echo "$row" | tally import --db "$small" - 2>&1 | sed "s/$writer/WRITER/; s/since.*/since/"
        echo ${PIPESTATUS[1]}; count "$small"
        exec 3>&-; wait $writer; echo $?; cat out; count "$small"
        """)
    #expect(
      lines == [
        "locked: the store is being written by process WRITER, since",
        "hint: wait until it is done or stop it; reading needs no lock", "3", "5", "0",
        "imported=50000 rejected=0 duplicates=0", "50005",
      ])
  }

  @Test(
    "an import that is interrupted or killed leaves the store as it was",
    arguments: [
      ("INT", ["130", "cancelled: interrupted; nothing was committed, the store is as it was"]),
      ("KILL", ["137"]),
    ])
  func stopped(signal: String, expected: [String]) throws {
    let lines = try shell(
      Self.startWriter + """

        kill -\(signal) $writer; wait $writer 2> /dev/null; echo $?; cat out; exec 3>&-
        count "$small"; echo "$row" | tally import --db "$small" -; count "$small"
        ls -A "$small/tmp" | wc -l
        """)
    let after = ["5", "imported=1 rejected=0 duplicates=0", "6", "0"]
    #expect(lines.filter { !$0.contains("Killed") } == expected + after)
  }
}
