import ArgumentParser
import SystemPackage
import TallyBase
import TallyFile
import TallyFormat
import TallyStorage
import TallyTerminal

/// `tally inspect`: what is in a store's segments, down to the page.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show the segments of a store, or the columns and pages of one segment.",
    discussion: """
        tally inspect                                              the store's segments
        tally inspect usage.tally/partitions/2026-01-05/00000001.seg  one segment's columns
        tally inspect --pages FILE                                 its pages
        tally inspect --rollups FILE                               its rollups
        tally inspect --sizes                                      where the bytes go
      """)

  @OptionGroup var database: DatabaseOptions

  @Flag(help: "Show where the bytes go: columns, encodings, sections (rollups ...), all.")
  var sizes = false

  @Flag(help: "List every page of a segment.")
  var pages = false

  @Flag(help: "List every rollup of a segment.")
  var rollups = false

  @Flag(help: "Read every page and rollup and verify its checksum and structure.")
  var check = false

  @Option(help: "table, csv, tsv, json, jsonl or markdown.")
  var format: OutputFormat = .table

  @Argument(help: ArgumentHelp("A segment file, or a store's directory.", valueName: "path"))
  var path: String?

  func run() throws {
    let target = FilePath(path ?? database.directory)
    let isSegment = target.extension == "seg"
    // DIR/partitions/DAY/ID.seg
    let root =
      isSegment
      ? FilePath.absolute(target).removingLastComponent().removingLastComponent()
        .removingLastComponent() : target
    let store = try Store.open(root, mode: .readOnly, fileSystem: PosixFileSystem())
    let snapshot = try store.snapshot()
    let segments = try isSegment ? [segment(at: target, in: snapshot)] : Array(snapshot.segments)
    if check {
      for segment in segments { try SegmentReport.check(segment) }
    }
    let output = OutputBuffer.standardOutput()
    let formatter = format.formatter(
      TableFormatter.Layout(width: Environment.width(1), isColored: Environment.isColored(1)))
    let table =
      if pages {
        try SegmentReport.pages(segments, schema: snapshot.schema)
      } else if rollups {
        try SegmentReport.rollups(segments, schema: snapshot.schema)
      } else if sizes {
        try SizeReport.table(segments, schema: snapshot.schema)
      } else if isSegment {
        try SegmentReport.columns(segments, schema: snapshot.schema)
      } else {
        SegmentReport.segments(segments)
      }
    try formatter.write(table, to: output)
    try output.flush()
  }

  private func segment(
    at path: FilePath, in snapshot: StoreSnapshot
  ) throws(TallyError) -> SegmentReader {
    let wanted = FilePath.absolute(path)
    let found = snapshot.segments.first { FilePath.absolute($0.path) == wanted }
    guard let found else {
      throw TallyError(
        .invalidArgument, "the store has no live segment '\(path)'",
        hint: "tally inspect without a file lists the segments", path: path.string)
    }
    return found
  }
}

extension FilePath {
  /// The path from the root, without `.` and `..`.
  fileprivate static func absolute(_ path: FilePath) -> FilePath {
    guard path.isRelative else { return path.lexicallyNormalized() }
    let folder = FilePath(Environment.workingDirectory)
    return folder.pushing(path).lexicallyNormalized()
  }
}
