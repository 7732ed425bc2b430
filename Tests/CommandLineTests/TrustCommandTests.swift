import Foundation
import Testing

/// What `tally verify`, `backup`, `restore` and `repair` print, and how they end.
@Suite struct TrustCommandTests {
  private let small: SmallStore
  private let folder: ScratchFolder

  init() throws {
    small = try SmallStore()
    folder = try ScratchFolder()
  }

  /// Runs shell commands in the scratch folder; `$small` is a store of five events.
  private func shell(_ script: String) throws -> [String] {
    let run = try TallyProcess.shell(
      """
      cd '\(folder.url.path)'; small='\(small.path)'
      segment=$(ls "$small"/partitions/*/*.seg)
      flip() { printf '\\x5a' | dd of="$1" bs=1 seek=$2 conv=notrunc 2> /dev/null; }
      count() { tally query --db "$1" --format csv 'count(*) as n' 2>&1 | tail -1; }
      \(script)
      """)
    return run.output.split(separator: "\n").map(String.init)
  }

  @Test func verifySaysWhatItLookedAtAndFound() throws {
    let lines = try shell(
      """
      tally verify --db "$small" | sed 's/bytes=.*//'; echo ${PIPESTATUS[0]}
      tally verify --deep --db "$small" --format json | head -5; flip "$segment" 20
      tally verify --deep --db "$small" > out; echo $?; cut -c1-76 out
      tally verify --deep --db "$small" --format json | grep -c '"kind": "damage"'
      rm "$small/CURRENT"; echo broken > "$small/CURRENT"
      tally verify --db "$small" > out; echo $?; head -1 out | grep -o 'CURRENT does not hold'
      """)
    #expect(
      lines == [
        "verified segments=1 rows=5 dictionaries=1 log_records=0 damage=0 derived=0 leftover=0 ",
        "0", "{", "  \"intact\": true,", "  \"generation\": 2,", "  \"segments\": 1,",
        "  \"rows\": 5,", "3",
        "damage: partitions/2026-01-05/00000001.seg, column 'time', row group 0, page",
        "verified segments=1 rows=5 dictionaries=1 log_records=0 damage=1 derived=0 l", "1",
        "3", "CURRENT does not hold",
      ])
  }

  @Test func backupAndRestoreKeepTheStore() throws {
    let lines = try shell(
      """
      tally backup --db "$small" b --verify | sed 's/bytes=[0-9]*/bytes/; s/mb_per.*//'
      stat -c %h "$segment"; count b
      tally backup --db "$small" --copy c | sed 's/bytes=[0-9]*/bytes/'; stat -c %h c/partitions/*/*
      tally backup --db "$small" b; echo $?
      tally restore b r | sed 's/bytes=[0-9]*/bytes/'; stat -c %h r/partitions/*/*; count r
      tally restore b r; echo $?; tally restore none q; echo $?; ls -d q 2> /dev/null
      flip b/partitions/*/*.seg 20; tally restore b d 2>&1 | grep -o 'checksum' | head -1
      ls d/CURRENT 2> /dev/null; tally query --db d 'count(*)' 2>&1; echo $?
      """)
    let copied = "segments=1 rows=5 log_records=0 bytes"
    #expect(
      lines == [
        "backed up \(copied) linked=1 damaged=0 generation=2",
        "verified segments=1 rows=5 dictionaries=1 log_records=0 damage=0 derived=0 "
          + "leftover=0 bytes ", "2", "5", "backed up \(copied) linked=0 damaged=0 generation=2",
        "1", "error: the directory 'b' is not empty [b]",
        "hint: name one that is, or that does not exist yet", "3",
        "restored \(copied) linked=0 damaged=0 generation=2", "1", "5",
        "error: the directory 'r' is not empty [r]",
        "hint: name one that is, or that does not exist yet", "3",
        "error: there is no store at 'none' [none]",
        "hint: import or generate events to create it, or name another one with --db", "3",
        "checksum",
        "corruption: the directory is a copy of a store that did not come to its end [d]",
        "hint: remove it and make the copy again", "3",
      ])
  }
}
