import TallyBase
import TallyFormat
import TallyLanguage

extension ReplSession {
  /// A command of the prompt, which begins with a point.
  private struct DotCommand {
    var name: String
    var argument: String
    var help: String
  }

  private static let commands = [
    DotCommand(name: ".help", argument: "", help: "show this"),
    DotCommand(name: ".mode", argument: "[FORMAT]", help: "table, csv, tsv, json, jsonl, markdown"),
    DotCommand(name: ".timer", argument: "on|off", help: "show time and rows scanned"),
    DotCommand(name: ".maxrows", argument: "N|all", help: "rows shown of a table"),
    DotCommand(name: ".schema", argument: "", help: "list the columns"),
    DotCommand(name: ".tables", argument: "", help: "list the tables"),
    DotCommand(name: ".stats", argument: "", help: "what the caches found and hold"),
    DotCommand(name: ".read", argument: "FILE", help: "run the statements of a file"),
    DotCommand(name: ".quit", argument: "", help: "leave (also .exit, Ctrl-D)"),
  ]

  package static var commandNames: [String] { commands.map(\.name) }

  package func perform(command line: String) throws {
    let words = line.split(maxSplits: 1, whereSeparator: \.isWhitespace).map(String.init)
    let name = words[0].lowercased()
    let argument = words.count > 1 ? words[1].trimmed : ""
    switch name {
    case ".help": try output.write(helpText)
    case ".mode": try setMode(argument)
    case ".timer": try setTimer(argument)
    case ".maxrows": try setRowCountMax(argument)
    case ".schema": try runAll("SHOW COLUMNS")
    case ".tables": try output.write("usage\n")
    case ".stats": try writeCacheTable()
    case ".read": try read(argument)
    case ".quit", ".exit": isOver = true
    default:
      let near = Suggestion.nearest(to: name, among: ReplSession.commandNames, limit: 1)
      report(
        TallyError(
          .syntax, "found the command \(name), expected one of .help",
          hint: Suggestion.hint(near, quote: "")))
    }
  }

  private var helpText: String {
    var text = ""
    for command in ReplSession.commands {
      let head = command.name + " " + command.argument
      text += head + String(repeating: " ", count: max(1, 22 - head.count)) + command.help + "\n"
    }
    return text + """

      A statement ends with ; or an empty line. Tab completes, Ctrl-C cancels.
        sum(cost), p95(latency_ms) by model last 7d top 10;
        SHOW COLUMNS;  SHOW VALUES model;  EXPLAIN sum(cost) by org;

      """
  }

  private func setMode(_ argument: String) throws {
    if argument.isEmpty { return try output.write("\(format.rawValue)\n") }
    guard let chosen = OutputFormat(rawValue: argument.lowercased()) else {
      let names = OutputFormat.allCases.map(\.rawValue)
      return report(
        TallyError(
          .syntax, "found the format \"\(argument)\", expected " + names.joined(separator: ", "),
          hint: Suggestion.hint(Suggestion.nearest(to: argument, among: names), quote: "")))
    }
    format = chosen
  }

  private func setTimer(_ argument: String) throws {
    switch argument.lowercased() {
    case "on": isTimed = true
    case "off": isTimed = false
    case "": try output.write(isTimed ? "on\n" : "off\n")
    default: report(TallyError(.syntax, "found .timer \"\(argument)\", expected on or off"))
    }
  }

  private func setRowCountMax(_ argument: String) throws {
    if argument.isEmpty {
      return try output.write("\(rowCountMax.map(String.init) ?? "all")\n")
    }
    if argument.lowercased() == "all" {
      rowCountMax = nil
    } else if let count = Int(argument), count >= 1 {
      rowCountMax = count
    } else {
      report(
        TallyError(.syntax, "found .maxrows \"\(argument)\", expected a count from 1 or all"))
    }
  }

  private func writeCacheTable() throws {
    let layout = TableFormatter.Layout(
      width: Environment.width(1), isColored: Environment.isColored(1))
    try format.formatter(layout).write(runner.cacheTable(), to: output)
  }

  private func read(_ path: String) throws {
    guard !path.isEmpty else {
      return report(TallyError(.syntax, "found .read without a file, expected its path"))
    }
    do {
      try runAll(try InputText.read(path: path))
    } catch let error as TallyError {
      report(error)
    }
  }
}
