/// What a power cut leaves. Only what a name leads to is kept.
extension MemoryDisk {
  /// Bytes that a disk writes whole or not at all.
  static let sectorByteCount = 512

  /// At most `byteCount` bytes from `offset` on, so many that they end with a sector: writes that
  /// stop early stop where a block ends.
  static func wholeSectors(_ byteCount: Int, _ offset: Int) -> Int {
    max(0, (offset + byteCount) / sectorByteCount * sectorByteCount - offset)
  }

  func image(_ image: CrashImage) -> MemoryDisk {
    var random = SplitMix64(seed: image.seed)
    var new = MemoryDisk()
    new.nextNode = nextNode
    var reordered: [Int: [String: Entry]] = [:]
    if case .reordered = image { reordered = reorderedNames(&random) }
    var waiting = [0]
    while let node = waiting.popLast() {
      guard let directory = directories[node] else { continue }
      let names = reordered[node] ?? directory.surviving(image, &random)
      new.directories[node] = Directory(entries: names, durable: names)
      for (_, entry) in names.sorted(by: { $0.key < $1.key }) {
        switch entry {
        case .directory(let child): waiting.append(child)
        case .file(let file):
          if new.files[file] != nil {
            new.files[file]?.nameCount += 1
            continue
          }
          guard let content = files[file] else { continue }
          let bytes = content.surviving(image, isLastWrite: lastWriteNode == file, &random)
          new.files[file] = Content(bytes: bytes, durable: bytes, nameCount: 1)
          new.byteCount += bytes.count
        }
      }
    }
    return new
  }

  /// Each change of names as a whole or not, in order; without those of directories that have
  /// none under way.
  private func reorderedNames(_ random: inout SplitMix64) -> [Int: [String: Entry]] {
    var names: [Int: [String: Entry]] = [:]
    for change in pendingNames {
      let survives = random.coin()
      for part in change.parts {
        if names[part.directory] == nil {
          names[part.directory] = directories[part.directory]?.durable
        }
        if survives { names[part.directory]?[part.name] = part.entry }
      }
    }
    return names
  }
}

extension CrashImage {
  fileprivate var seed: UInt64 {
    switch self {
    case .dropped, .kept: 0
    case .sectors(let seed), .torn(let seed), .reordered(let seed): seed
    }
  }
}

extension MemoryDisk.Directory {
  fileprivate func surviving(
    _ image: CrashImage, _ random: inout SplitMix64
  ) -> [String: MemoryDisk.Entry] {
    switch image {
    case .kept, .torn: return entries
    case .dropped, .reordered: return durable
    case .sectors:
      guard entries != durable else { return durable }
      var names: [String: MemoryDisk.Entry] = [:]
      for name in Set(entries.keys).union(durable.keys).sorted() {
        let isDifferent = entries[name] != durable[name]
        names[name] = isDifferent && random.coin() ? entries[name] : durable[name]
      }
      return names
    }
  }
}

extension MemoryDisk.Content {
  fileprivate func surviving(
    _ image: CrashImage, isLastWrite: Bool, _ random: inout SplitMix64
  ) -> [UInt8] {
    guard !pending.isEmpty else { return durable }
    switch image {
    case .dropped: return durable
    case .torn where isLastWrite: return torn(&random)
    case .kept, .torn: return hasLostBytes ? durable(with: pending[...]) : bytes
    case .reordered:
      return durable(with: pending.filter { _ in random.coin() }[...])
    case .sectors: return scattered(&random)
    }
  }

  private func durable(with writes: ArraySlice<MemoryDisk.PendingWrite>) -> [UInt8] {
    var result = durable
    for write in writes { MemoryDisk.Content.apply(write, to: &result) }
    return result
  }

  private func torn(_ random: inout SplitMix64) -> [UInt8] {
    var result = durable(with: pending.dropLast())
    guard case .bytes(let offset, let new)? = pending.last, !new.isEmpty else { return result }
    let unit = MemoryDisk.sectorByteCount
    let firstEnd = (offset / unit + 1) * unit
    let sectorCount = (offset + new.count - 1) / unit - offset / unit + 1
    let kept = Int(random.next(below: UInt64(sectorCount)))
    let end = kept == 0 ? offset : firstEnd + (kept - 1) * unit
    MemoryDisk.Content.overwrite(&result, with: new.prefix(end - offset), at: offset)
    // The length is another thing: it may be that of the whole write.
    if random.coin(), result.count < offset + new.count {
      MemoryDisk.Content.resize(&result, to: offset + new.count)
    }
    return result
  }

  /// Each sector in one of the states it went through, the length likewise.
  private func scattered(_ random: inout SplitMix64) -> [UInt8] {
    var lengths = [durable.count]
    var writes: [(offset: Int, bytes: [UInt8])] = []
    for write in pending {
      let length = lengths[lengths.count - 1]
      switch write {
      case .bytes(let offset, let new):
        writes.append((offset, new))
        lengths.append(max(length, offset + new.count))
      case .length(let count):
        if count < length {
          writes.append((count, [UInt8](repeating: 0, count: length - count)))
        }
        lengths.append(count)
      }
    }
    var touching: [Int: [Int]] = [:]
    for (index, write) in writes.enumerated() where !write.bytes.isEmpty {
      let unit = MemoryDisk.sectorByteCount
      for sector in write.offset / unit...(write.offset + write.bytes.count - 1) / unit {
        touching[sector, default: []].append(index)
      }
    }
    var result = durable
    MemoryDisk.Content.resize(&result, to: lengths.max() ?? durable.count)
    for (sector, indexes) in touching.sorted(by: { $0.key < $1.key }) {
      let kept = Int(random.next(below: UInt64(indexes.count + 1)))
      for index in indexes.prefix(kept) {
        MemoryDisk.Content.copy(writes[index], sector: sector, to: &result)
      }
    }
    let length = random.coin() ? lengths[lengths.count - 1] : random.pick(lengths)
    MemoryDisk.Content.resize(&result, to: length)
    return result
  }

  private static func copy(
    _ write: (offset: Int, bytes: [UInt8]), sector: Int, to result: inout [UInt8]
  ) {
    let unit = MemoryDisk.sectorByteCount
    let start = max(write.offset, sector * unit)
    let end = min(write.offset + write.bytes.count, (sector + 1) * unit)
    guard start < end else { return }
    overwrite(
      &result, with: write.bytes[start - write.offset..<end - write.offset], at: start)
  }
}

extension SplitMix64 {
  /// True or false by chance.
  package mutating func coin() -> Bool { next() >> 63 == 1 }

  /// One of `values`, which are not none.
  package mutating func pick<Element>(_ values: [Element]) -> Element {
    values[Int(next(below: UInt64(values.count)))]
  }
}
