import TallyBase
import TallyPlanning
import TallyStorage

/// How the states of an aggregation are fed from tables of sums. A batch of their rows has the
/// scan's columns and day expressions first, then one column for each of `RollupNeeds.values`.
struct PartialLayout: Sendable {
  /// How one state takes a batch; numbers are columns of the batch.
  enum Feed: Sendable {
    /// Adds counts.
    case counts(Int)
    /// As rows whose argument is the column.
    case values(Int)
    /// As rows.
    case argument
    /// Adds the events of a row where the argument is not NULL.
    case presence(rows: Int)
    /// Adds sets of codes.
    case sets(Int)
    /// Adds histograms.
    case histograms(Int)
  }

  /// By state of the plan.
  let feeds: [Feed]
  /// The first column of values.
  let firstValue: Int

  /// - Parameter columns: those of the scan.
  init(
    _ plan: AggregatePlan, needs: RollupNeeds, columns: [ColumnSchema], firstValue: Int
  ) throws(TallyError) {
    self.firstValue = firstValue
    var feeds: [Feed] = []
    for state in plan.states {
      let argument = state.argument.map { plan.arguments[$0] }
      let column = argument?.columnIndex.flatMap {
        columns.indices.contains($0) ? columns[$0] : nil
      }
      let source = PartialSource.of(
        state.kind.function, argument, isDistinct: state.kind.isDistinct, column: column)
      feeds.append(try PartialLayout.feed(source, needs, firstValue))
    }
    self.feeds = feeds
  }

  private static func feed(
    _ source: PartialSource, _ needs: RollupNeeds, _ first: Int
  ) throws(TallyError) -> Feed {
    switch source {
    case .argument: return .argument
    case .presence: return .presence(rows: first)
    case .value(let value):
      guard let index = needs.values.firstIndex(of: value) else {
        // A dimension whose values are at hand, as in `max(model)`.
        if case .count = value { return .presence(rows: first) }
        break
      }
      switch value {
      case .rows, .count: return .counts(first + index)
      case .sum, .minimum, .maximum: return .values(first + index)
      case .distinct: return .sets(first + index)
      case .histogram: return .histograms(first + index)
      }
    case .none: break
    }
    throw TallyError(.internal, "a rollup was chosen for an aggregate that it does not have")
  }
}

extension AggregatePlan.StateSpecification.Kind {
  /// A function whose state this is.
  fileprivate var function: AggregateFunction {
    switch self {
    case .count, .distinct, .distinctBits: .count
    case .narrowSum, .wideSum, .doubleSum: .sum
    case .extreme(let isMinimum): isMinimum ? .minimum : .maximum
    case .quantile: .quantileContinuous(0)
    case .histogram: .quantileApproximate(0)
    }
  }

  fileprivate var isDistinct: Bool {
    switch self {
    case .distinct, .distinctBits: true
    default: false
    }
  }
}

/// The histogram of one row of a table of sums.
enum PartialHistogram {
  case none
  /// Row of a rollup.
  case row(RollupHistograms, Int)
  /// Equal values.
  case bucket(Int, count: Int64)
}

/// What a batch of rows of tables of sums has beside its vectors, for the sink that takes it.
final class PartialInput {
  let layout: PartialLayout
  /// By column of values: the sets that the column's numbers point to; empty: the column is codes.
  var bitmaps: [[CodeBitmap]]
  var histograms: [[PartialHistogram]]

  init(layout: PartialLayout, valueCount: Int) {
    self.layout = layout
    bitmaps = [[CodeBitmap]](repeating: [], count: valueCount)
    histograms = [[PartialHistogram]](repeating: [], count: valueCount)
  }

  func removeObjects() {
    for index in bitmaps.indices { bitmaps[index].removeAll(keepingCapacity: true) }
    for index in histograms.indices { histograms[index].removeAll(keepingCapacity: true) }
  }
}
