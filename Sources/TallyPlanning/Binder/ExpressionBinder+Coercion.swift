import TallyBase
import TallyLanguage

extension ExpressionBinder {
  /// `operand` as `type`. Literals are converted here and now.
  ///
  /// - Throws: `binding` if no such cast exists or a literal does not fit; `invalidArgument` for
  ///   a literal that the query converts `explicitly`.
  func cast(
    _ operand: BoundExpression, to type: LogicalType, explicitly: Bool = false
  ) throws(TallyError) -> BoundExpression {
    if operand.type == type || (operand.type.isText && type.isText) { return operand }
    guard TypeRules.canCast(operand.type, to: type) else {
      throw TallyError(
        .binding, "found \(operand.type), which cannot become \(type)", span: operand.span,
        hint: castHint(operand.type, type))
    }
    guard let value = operand.literalValue else {
      return BoundExpression(.cast(operand), type: type, span: operand.span)
    }
    do {
      return .literal(try ScalarEvaluator.cast(value, to: type), type, span: operand.span)
    } catch {
      // A literal that the query did not ask to convert stands in the wrong place.
      throw TallyError(
        explicitly ? error.code : .binding, error.message, span: operand.span,
        hint: error.hint ?? literalHint(type))
    }
  }

  private func castHint(_ source: LogicalType, _ target: LogicalType) -> String? {
    switch (source, target) {
    case (.timestamp, .int64), (.date, .int64): "epoch_ms(t) counts milliseconds since 1970"
    case (.int64, .timestamp): "add an interval to a timestamp, as in time + INTERVAL '1 day'"
    default: nil
    }
  }

  private func literalHint(_ type: LogicalType) -> String? {
    switch type {
    case .timestamp: "write '2026-01-31', '2026-01-31 10:00' or '2026-01-31T10:00:00Z'"
    case .date: "write '2026-01-31'"
    default: nil
    }
  }

  /// Brings operands of one result (CASE, COALESCE, ...) to their common type. Text results are
  /// always `text`: their values come from more than one place.
  func unify(
    _ operands: [BoundExpression], of name: String
  ) throws(TallyError) -> (operands: [BoundExpression], type: LogicalType) {
    guard var result = operands.first else { return ([], .null) }
    for operand in operands.dropFirst() {
      guard let type = TypeRules.common(result, operand) else {
        throw TallyError(
          .binding, "\(name) mixes \(result.type) and \(operand.type)", span: operand.span,
          hint: "cast one of them")
      }
      // A literal stops being one as soon as it shares its type with something else.
      if type != result.type || operand.literalValue == nil {
        result = BoundExpression(.column(index: 0), type: type, span: operand.span)
      }
    }
    let type: LogicalType = result.type == .symbol ? .text : result.type
    var cast: [BoundExpression] = []
    for operand in operands { cast.append(try self.cast(operand, to: type)) }
    return (cast, type)
  }

  /// An argument as `type`, if it converts without loss of meaning; else an error that names the
  /// function.
  func argument(
    _ operand: BoundExpression, as type: LogicalType, of name: String
  ) throws(TallyError) -> BoundExpression {
    let isFine =
      switch type {
      case .text, .symbol: operand.type.isText || operand.type == .null
      case .double: operand.type.isNumeric || operand.type == .null
      case .int64: operand.type == .int64 || operand.type == .null
      case .timestamp:
        operand.type == .timestamp || operand.type == .date || operand.type == .null
          || TypeRules.isTextLiteral(operand)
      default: operand.type == type || operand.type == .null
      }
    guard isFine else {
      throw TallyError(
        .binding, "\(name)() got \(operand.type), expected \(type)", span: operand.span,
        hint: type.isText ? "CAST(... AS text) turns any value into text" : nil)
    }
    return try cast(operand, to: type)
  }
}
