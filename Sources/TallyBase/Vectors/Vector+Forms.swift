extension Vector {
  /// Gives every row its own entry. `rowCount` rows are meaningful afterwards.
  package func flatten(rowCount: Int) {
    if deferred != nil { decodeDeferred() }
    if let form = narrow {
      let raws = unsafe narrowValues
      let values = unsafe int64s
      for row in 0..<rowCount {
        unsafe values[row] = form.base &+ form.scale &* Int64(truncatingIfNeeded: raws[row])
      }
      narrow = nil
    }
    if runCount > 0 { flattenRuns() }
    if isConstant { spread(rowCount: rowCount) }
  }

  /// Gives every row of every run its own entry.
  package func flattenRuns() {
    let (ends, values) = unsafe (runEnds, codes)
    // Backwards: a run never starts before its own entry, so no entry is lost.
    var run = runCount - 1
    while run >= 0 {
      let start = unsafe run == 0 ? 0 : Int(ends[run - 1])
      unsafe (values + start).update(repeating: values[run], count: Int(ends[run]) - start)
      run -= 1
    }
    runCount = 0
  }

  private func spread(rowCount: Int) {
    isConstant = false
    switch layout {
    case .int64: unsafe int64s.update(repeating: int64s[0], count: rowCount)
    case .int128: unsafe int128s.update(repeating: int128s[0], count: rowCount)
    case .double: unsafe doubles.update(repeating: doubles[0], count: rowCount)
    case .bool: unsafe bools.update(repeating: bools[0], count: rowCount)
    case .code: unsafe codes.update(repeating: codes[0], count: rowCount)
    }
    if hasNulls { unsafe validity.update(repeating: validity[0], count: rowCount) }
  }

  /// Makes `validity` say what `hasNulls == false` implies, so that rows may be marked NULL.
  package func prepareValidity(rowCount: Int) {
    if !hasNulls {
      unsafe validity.update(repeating: 1, count: rowCount)
      hasNulls = true
    }
  }

  /// Becomes NULL in every row.
  package func setAllNull() {
    reset()
    isConstant = true
    if layout == .code {
      unsafe codes[0] = nullSymbolCode
    } else {
      unsafe int128s[0] = 0
      unsafe validity[0] = 0
      hasNulls = true
    }
  }

  /// Becomes the rows `indexes[0..<count]` of `source`, which has the same layout.
  package func gather(_ source: Vector, _ indexes: UnsafePointer<UInt16>, count: Int) {
    reset()
    pool = source.pool
    source.decodeDeferred()
    if source.runCount > 0 { source.flattenRuns() }
    if source.isConstant {
      copyConstant(source)
      return
    }
    if let form = source.narrow {
      unsafe Vector.take(source.narrowValues, indexes, narrowValues, count)
      narrow = form
    } else {
      unsafe gatherFlat(source, indexes, count: count)
    }
    guard source.hasNulls else { return }
    hasNulls = true
    let from = unsafe source.validity
    let to = unsafe validity
    for index in 0..<count { unsafe to[index] = from[Int(indexes[index])] }
  }

  private func gatherFlat(_ source: Vector, _ indexes: UnsafePointer<UInt16>, count: Int) {
    switch layout {
    case .int64: unsafe Vector.take(source.int64s, indexes, int64s, count)
    case .int128: unsafe Vector.take(source.int128s, indexes, int128s, count)
    case .double: unsafe Vector.take(source.doubles, indexes, doubles, count)
    case .bool: unsafe Vector.take(source.bools, indexes, bools, count)
    case .code: unsafe Vector.take(source.codes, indexes, codes, count)
    }
  }

  /// Takes entry 0 of `source`, which has the same layout, for every row.
  package func becomeConstant(_ source: Vector) {
    reset()
    pool = source.pool ?? pool
    copyConstant(source)
  }

  private func copyConstant(_ source: Vector) {
    isConstant = true
    hasNulls = source.hasNulls
    unsafe int128s[0] = source.int128s[0]
    if hasNulls { unsafe validity[0] = source.validity[0] }
  }

  @inline(__always)
  private static func take<Element>(
    _ source: UnsafeMutablePointer<Element>, _ indexes: UnsafePointer<UInt16>,
    _ target: UnsafeMutablePointer<Element>, _ count: Int
  ) {
    for index in 0..<count { unsafe target[index] = source[Int(indexes[index])] }
  }

  /// Copies rows `start..<start + count` of `source` to the front of this vector.
  package func slice(_ source: Vector, start: Int, count: Int) {
    reset()
    pool = source.pool
    source.decodeDeferred()
    if source.runCount > 0 { source.flattenRuns() }
    if source.isConstant {
      copyConstant(source)
      return
    }
    if let form = source.narrow {
      unsafe narrowValues.update(from: source.narrowValues + start, count: count)
      narrow = form
    } else {
      switch layout {
      case .int64: unsafe int64s.update(from: source.int64s + start, count: count)
      case .int128: unsafe int128s.update(from: source.int128s + start, count: count)
      case .double: unsafe doubles.update(from: source.doubles + start, count: count)
      case .bool: unsafe bools.update(from: source.bools + start, count: count)
      case .code: unsafe codes.update(from: source.codes + start, count: count)
      }
    }
    if source.hasNulls {
      hasNulls = true
      unsafe validity.update(from: source.validity + start, count: count)
    }
  }
}
