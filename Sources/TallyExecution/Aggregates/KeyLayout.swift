internal import CTallyKernels
import TallyBase

/// What is known of a group key before the scan: how many values it can take.
enum KeyDomain: Sendable {
  /// Codes `0...count` of a frozen pool; 0 is NULL.
  case codes(count: Int)
  case bool
  /// `minimum`, `minimum + step`, ... `maximum`, or NULL.
  case integers(minimum: Int64, maximum: Int64, step: Int64)
  /// One value in each task of a partition-wise aggregation, which keeps it elsewhere.
  case single
  /// Times of the task's day, cut to multiples of `step`.
  case withinDay(step: Int64)
  /// Any 64-bit value.
  case words
  /// Any 128-bit value.
  case wideWords

  /// Number of values with NULL, nil if unknown or beyond counting.
  var valueCount: Int? {
    switch self {
    case .codes(let count): return count + 1
    case .bool: return 3
    case .integers(let minimum, let maximum, let step):
      let (difference, overflow) = maximum.subtractingReportingOverflow(minimum)
      guard !overflow, difference >= 0, step > 0, difference / step < 1 << 40 else { return nil }
      return Int(difference / step) + 2
    case .single: return 1
    case .withinDay(let step): return Int(Day.microsecondsPerDay / max(step, 1)) + 2
    case .words, .wideWords: return nil
    }
  }

  /// The domain within one day.
  func onDay(_ day: Day?) -> KeyDomain {
    guard case .withinDay(let step) = self, let day else { return self }
    return .integers(
      minimum: day.startMicroseconds, maximum: day.endMicroseconds - step, step: step)
  }
}

/// Turns the key vectors of a batch into small integers and back.
///
/// A bounded key becomes its position in its domain (0 = NULL).
struct KeyCodec {
  let type: LogicalType
  let domain: KeyDomain

  /// Positions of rows; `vector` is flat, the domain bounded.
  func positions(_ vector: Vector, _ rowCount: Int, into target: UnsafeMutablePointer<UInt32>) {
    switch domain {
    case .codes:
      let codes = unsafe vector.codes
      for row in 0..<rowCount { unsafe target[row] = codes[row] }
    case .bool:
      let bools = unsafe vector.bools
      for row in 0..<rowCount { unsafe target[row] = UInt32(bools[row]) &+ 1 }
    case .integers(let minimum, _, let step):
      unsafe integerPositions(vector, rowCount, minimum, step, target)
    case .single, .withinDay, .words, .wideWords:
      unsafe target.update(repeating: 0, count: rowCount)
    }
    if case .single = domain { return }
    guard vector.hasNulls else { return }
    let validity = unsafe vector.validity
    for row in 0..<rowCount { unsafe target[row] = validity[row] == 0 ? 0 : target[row] }
  }

  /// Positions of values in their 32-bit form; false if they must be made flat first.
  func narrowPositions(
    _ vector: Vector, _ rowCount: Int, into target: UnsafeMutablePointer<UInt32>
  ) -> Bool {
    guard case .integers(let minimum, _, let step) = domain, let form = vector.narrow,
      !vector.hasNulls, form.scale % step == 0, (form.base &- minimum) % step == 0
    else { return false }
    unsafe target.update(from: vector.narrowValues, count: rowCount)
    // SAFETY: the target holds a batch. Positions beyond 32 bits lie outside the domain anyway.
    unsafe tally_affine32(
      target, rowCount, UInt32(truncatingIfNeeded: (form.base &- minimum) / step &+ 1),
      UInt32(truncatingIfNeeded: form.scale / step))
    return true
  }

  private func integerPositions(
    _ vector: Vector, _ rowCount: Int, _ minimum: Int64, _ step: Int64,
    _ target: UnsafeMutablePointer<UInt32>
  ) {
    let values = unsafe vector.int64s
    if step == 1 {
      for row in 0..<rowCount {
        unsafe target[row] = UInt32(truncatingIfNeeded: values[row] &- minimum) &+ 1
      }
    } else {
      // Exact: values are `minimum` plus multiples of `step`, far fewer than 2^31 of them.
      let reciprocal = 1 / Double(step)
      for row in 0..<rowCount {
        let quotient = unsafe Double(values[row] &- minimum) * reciprocal + 0.5
        unsafe target[row] = UInt32(truncatingIfNeeded: Int64(quotient)) &+ 1
      }
    }
  }

  /// Writes the values at `positions` into the rows of a flat result vector.
  func restore(_ positions: UnsafePointer<UInt32>, count: Int, into vector: Vector) {
    switch domain {
    case .codes:
      unsafe vector.codes.update(from: positions, count: count)
      return
    case .bool:
      let bools = unsafe vector.bools
      for row in 0..<count { unsafe bools[row] = UInt8(truncatingIfNeeded: positions[row] &- 1) }
    case .integers(let minimum, _, let step):
      let values = unsafe vector.int64s
      for row in 0..<count {
        unsafe values[row] = minimum &+ (Int64(positions[row]) &- 1) &* step
      }
    case .single, .withinDay, .words, .wideWords: return
    }
    for row in 0..<count where unsafe positions[row] == 0 {
      vector.prepareValidity(rowCount: count)
      unsafe vector.validity[row] = 0
    }
  }
}
