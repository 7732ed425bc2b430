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

  @Test func partialAnswersSaySo() throws {
    let lines = try shell(
      """
      tally import --db "$small" - <<< '{"time":"2026-01-06T10:00:00Z","input_tokens":7}'
      flip "$segment" 20; query='select count(*) as n, min(time) as t from usage'
      tally query --no-rollups --db "$small" --format csv "$query" 2>&1 | grep -om1 checksum
      tally query --no-rollups --db "$small" --format csv "$query"; echo $?
      tally query --no-rollups --db "$small" --format csv --allow-partial --timing "$query" \\
        > out 2> errors
      echo $?; cat out; grep -o 'partial=true missing_rows=.*' errors
      tally query --db "$small" --format csv "set allow_partial = true; count(*)" 2>&1; echo $?
      tally verify --quarantine --db "$small" > out; echo $?; grep quarantined out
      ls "$small/quarantine"
      tally query --db "$small" --format csv 'count(*)' 2>&1 | grep -o 'segment 1 is marked'
      tally query --db "$small" --format csv --allow-partial 'count(*) as n' 2> errors
      grep -o 'partial=true missing_rows=.*' errors
      tally query --db "$small" --format csv "select count(*) as n from usage since '2026-01-06'"
      """)
    #expect(
      lines.filter { !$0.contains("checksum ") && !$0.hasPrefix("hint") } == [
        "imported=1 rejected=0 duplicates=0", "checksum", "3", "0", "n,t",
        "1,2026-01-06T10:00:00Z", "partial=true missing_rows=5",
        "partial=true missing_rows=5", "count(*)", "6", "0", "3", "quarantined: segments 1",
        "00000001.json", "00000001.seg", "segment 1 is marked", "n", "1",
        "partial=true missing_rows=5", "n", "1",
      ])
  }

  @Test func repairGivesUpOnlyWhatItIsTold() throws {
    let lines = try shell(
      """
      tally import --db "$small" - <<< '{"time":"2026-01-06T10:00:00Z","input_tokens":7}'
      tally repair --db "$small"; flip "$segment" 20
      tally repair --dry-run --db "$small" > out; echo $?; tail -1 out
      ls "$small/quarantine" 2> /dev/null
      tally repair --db "$small" > out; echo $?; cut -c1-50 out; count "$small" | cut -c1-5
      tally repair --drop 1 --db "$small" > out; echo $?; tail -1 out; count "$small"
      tally verify --deep --db "$small" > out; echo $?; ls "$small/quarantine"
      tally repair --drop 1 --db "$small"; echo $?
      rm "$small/CURRENT"; tally repair --db "$small" | cut -c1-24; count "$small"
      """)
    #expect(
      lines == [
        "imported=1 rejected=0 duplicates=0", "repaired=0 damaged=0 lost_rows=0", "3",
        "would_repair=0 damaged=1 lost_rows=0", "3",
        "damaged: partitions/2026-01-05/00000001.seg: page ", "repaired=0 damaged=1 lost_rows=0",
        "hint:", "0", "repaired=1 damaged=0 lost_rows=5", "1", "0", "00000001.json",
        "00000001.seg", "error: there is no segment 1",
        "hint: 'tally verify --deep' lists those that are damaged", "1",
        "rebuilt: CURRENT: it was", "repaired=1 damaged=0 los", "1",
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
      flip b/partitions/*/*.seg 20; tally restore b d 2>&1 | grep -om1 checksum
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
