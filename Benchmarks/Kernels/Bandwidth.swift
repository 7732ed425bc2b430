/// What the memory gives to one thread that only adds.
enum Bandwidth {
  private static let valueCount = 32 << 20

  /// GB/s of summing 256 MiB.
  static func measure(_ report: Report) -> Double {
    let values = (0..<valueCount).map { Int64($0) }
    var total: Int64 = 0
    let seconds = unsafe values.withUnsafeBufferPointer { values in
      report.seconds {
        var sum: Int64 = 0
        for index in 0..<values.count { unsafe sum &+= values[index] }
        total = sum
      }
    }
    let rate = Double(valueCount * 8) / seconds / 1e9
    report.header(["memory", "GB/s", ""])
    report.line(["sum of 256 MiB of int64", Report.figure(rate), total == 0 ? "zero" : ""])
    return rate
  }
}
