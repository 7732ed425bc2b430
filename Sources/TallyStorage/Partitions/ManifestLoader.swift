import SystemPackage
import TallyBase
import TallyFile

/// Reads what is committed.
enum ManifestLoader {
  struct Loaded {
    var current: CurrentFile
    /// Length of the manifest file when it was read.
    var byteCount: Int
    var manifest: Manifest
  }

  /// A manifest is never longer in practice: 256 MiB hold some ten million segments.
  private static let byteCountMax = 256 << 20
  /// A writer may replace the manifest between the reading of CURRENT and of the manifest; more
  /// often than this in a row means something else is wrong.
  private static let attemptCountMax = 100

  /// - Throws: `io`, `corruption`, `version`.
  static func load(
    _ layout: StoreLayout, fileSystem: any FileSystem
  ) throws(TallyError) -> Loaded {
    var current = try readCurrent(layout, fileSystem: fileSystem)
    for _ in 0..<attemptCountMax {
      do throws(TallyError) {
        return try load(current, layout, fileSystem: fileSystem)
      } catch {
        let again = try readCurrent(layout, fileSystem: fileSystem)
        if again == current { throw error }
        current = again
      }
    }
    throw TallyError(
      .io, "the manifest changed \(attemptCountMax) times while it was read",
      path: layout.root.string)
  }

  /// What is committed now; costs one small read when that is still `known`.
  ///
  /// - Throws: `io`, `corruption`, `version`.
  static func reload(
    _ known: Loaded, _ layout: StoreLayout, fileSystem: any FileSystem
  ) throws(TallyError) -> Loaded {
    if try readCurrent(layout, fileSystem: fileSystem) == known.current {
      let path = layout.manifest(number: known.current.manifestNumber)
      let file = try? fileSystem.open(path, .read)
      if let length = try? file?.byteCount(), length == Int64(known.byteCount) { return known }
    }
    return try load(layout, fileSystem: fileSystem)
  }

  static func readCurrent(
    _ layout: StoreLayout, fileSystem: any FileSystem
  ) throws(TallyError) -> CurrentFile {
    let bytes = try fileSystem.readFile(
      layout.current, byteCountMax: CurrentFile.byteCountMax)
    return try CurrentFile(decoding: bytes, path: layout.current.string)
  }

  private static func load(
    _ current: CurrentFile, _ layout: StoreLayout, fileSystem: any FileSystem
  ) throws(TallyError) -> Loaded {
    let path = layout.manifest(number: current.manifestNumber)
    guard try fileSystem.kind(of: path) == .file else {
      throw TallyError(
        .corruption, "CURRENT names '\(path.lastComponent?.string ?? "")', which is not there",
        hint: "restore the store from a backup", path: path.string)
    }
    let bytes = try fileSystem.readFile(path, byteCountMax: byteCountMax)
    do throws(TallyError) {
      var manifest = try ManifestFile.decode(bytes, current: current)
      manifest.schema = try schemaWithStandardColumns(manifest.schema)
      return Loaded(current: current, byteCount: bytes.count, manifest: manifest)
    } catch {
      var located = error
      located.path = path.string
      throw located
    }
  }

  /// Standard columns that are younger than the store follow those it has.
  private static func schemaWithStandardColumns(_ schema: Schema) throws(TallyError) -> Schema {
    let missing = Schema.standard.columns.filter { schema.column(named: $0.name) == nil }
    let room = Schema.columnCountMax - schema.columns.count
    let added = missing.prefix(room).enumerated().map { offset, column in
      ColumnSchema(
        id: schema.columns.count + offset, name: column.name, type: column.type,
        defaultValue: column.defaultValue)
    }
    return added.isEmpty ? schema : Schema(columns: schema.columns + added)
  }
}
