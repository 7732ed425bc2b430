package import SystemPackage
package import TallyBase
package import TallyFile

extension StoreID {
  /// The identity of the store in `directory`, whoever has it open.
  ///
  /// - Throws: `invalidArgument` if there is no store; `io`, `corruption`, `version`.
  package static func read(
    _ directory: FilePath, fileSystem: any FileSystem
  ) throws(TallyError) -> StoreID {
    let layout = StoreLayout(root: directory)
    guard try fileSystem.kind(of: layout.current) == .file else {
      throw TallyError(
        .invalidArgument, "'\(directory.string)' is not a store", hint: "name a store with --db",
        path: directory.string)
    }
    return try ManifestLoader.load(layout, fileSystem: fileSystem).manifest.storeID
  }
}
