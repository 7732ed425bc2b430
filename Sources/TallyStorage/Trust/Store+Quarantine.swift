package import TallyBase
import TallyFile

extension Store {
  /// What `quarantine` changed.
  package struct QuarantineSummary: Hashable, Sendable {
    /// Segments that are marked as damaged from now on.
    package var marked: [UInt64] = []
    /// Segments that were marked and are intact.
    package var cleared: [UInt64] = []
  }

  /// Marks damaged segments in the manifest, so that queries need not find out, and keeps their
  /// files with the reason in `quarantine/`. Takes marks back that have no reason any more.
  ///
  /// - Parameter findings: of a deep verification.
  /// - Throws: `invalidArgument` if the store is open for reading only; `io`, `diskFull`.
  package func quarantine(_ findings: [Finding]) throws(TallyError) -> QuarantineSummary {
    var damage: [UInt64: [Finding]] = [:]
    for finding in findings where finding.kind == .damage {
      if let id = finding.segmentID { damage[id, default: []].append(finding) }
    }
    return try maintaining { () throws(TallyError) in
      var summary = QuarantineSummary()
      var edit = ManifestEdit()
      let manifest = try committedManifest()
      let quarantine = Quarantine(layout: layout, fileSystem: fileSystem)
      for info in manifest.segments {
        guard let found = damage[info.id] else { continue }
        if found.allSatisfy(\.isMarkOnly) {
          edit.damagedSegments[info.id] = ""
          summary.cleared.append(info.id)
        } else if manifest.damagedSegments[info.id] == nil, let first = found.first {
          try quarantine.keep(info, findings: found)
          edit.damagedSegments[info.id] = first.reason
          summary.marked.append(info.id)
        }
      }
      guard !edit.damagedSegments.isEmpty else { return summary }
      let marks = edit.damagedSegments
      try publish([]) { manifest in
        var edit = ManifestEdit()
        let live = Set(manifest.segments.map(\.id))
        edit.damagedSegments = marks.filter { live.contains($0.key) }
        return edit
      }
      return summary
    }
  }
}

extension Finding {
  /// What the manifest keeps of it.
  var reason: String {
    var place = ""
    if let column { place += "column '\(column)', " }
    if let rowGroup { place += "row group \(rowGroup), " }
    return String((place + message).prefix(500))
  }
}
