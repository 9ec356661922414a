import Contracts
import Testing

@testable import CLI

struct ArgumentsTests {
    private func arguments(_ line: String) -> Arguments {
        Arguments(line.split(separator: " ").map(String.init), flags: ["--json", "--wait"])
    }

    @Test func `options, flags and operands are told apart`() throws {
        var arguments = arguments("--file - --json one --tenant=acme two")
        let values = [arguments.value("--file"), arguments.value("--tenant"), arguments.value("--other")]
        #expect(values == ["-", "acme", nil])
        let flags = [arguments.flag("--json"), arguments.flag("--wait")]
        #expect(flags == [true, false])
        let operands = [try arguments.operand("first"), try arguments.operand("second")]
        #expect(operands == ["one", "two"])
        try arguments.finish()
    }

    @Test func `a value may hold an equals sign or be empty`() throws {
        var arguments = arguments("--file=a=b --tenant= --json")
        let values = [arguments.value("--file"), arguments.value("--tenant")]
        #expect(values == ["a=b", ""])
        let isJSON = arguments.flag("--json")
        #expect(isJSON)
        try arguments.finish()
    }

    @Test(arguments: ["--nobody", "--nobody x", "--nobody=x", "word", "--json", "--json=yes", "--file"])
    func `an unknown option or operand is wrong usage`(line: String) {
        #expect(throws: UsageError.self) { try arguments(line).finish() }
    }

    @Test func `a flag takes no value`() {
        var arguments = arguments("--json=no")
        _ = arguments.flag("--json")
        #expect(throws: UsageError.self) { try arguments.finish() }
    }

    @Test func `an option without its value is wrong usage, also if a verb reads it`() {
        var arguments = arguments("--file")
        let value = arguments.value("--file")
        #expect(value == nil)
        #expect(throws: UsageError("--file needs a value")) { try arguments.finish() }
    }

    @Test(arguments: ["--file --json", "--file=a --file b", "--file a --file=a"])
    func `an option in the place of a value, and one that is given more than once, is wrong usage`(line: String) {
        var arguments = arguments(line)
        _ = (arguments.value("--file"), arguments.flag("--json"))
        #expect(throws: UsageError.self) { try arguments.finish() }
    }

    @Test func `an argument after two hyphens is not an option`() throws {
        var arguments = arguments("--json -- --id -x")
        let isJSON = arguments.flag("--json")
        let rest = arguments.rest()
        #expect(isJSON && rest == ["--id", "-x"])
        try arguments.finish()
    }

    @Test(arguments: [("5", 5), ("1", 1), ("9", 9)])
    func `a number in range is taken`(text: String, number: Int) throws {
        var arguments = arguments("--timeout \(text)")
        let taken = try arguments.integer("--timeout", default: 3, in: 1...9)
        #expect(taken == number)
    }

    @Test(arguments: ["0", "10", "-1", "x", "1.5", "99999999999999999999", "=", "1e3"])
    func `a number out of range is wrong usage`(text: String) {
        var arguments = arguments("--timeout \(text)")
        #expect(throws: UsageError.self) { try arguments.integer("--timeout", default: 3, in: 1...9) }
    }

    @Test func `money is taken in USD`() throws {
        var arguments = arguments("--usd 5 --price 0.15")
        let (usd, price) = (try arguments.money("--usd", decimals: 12), try arguments.money("--price", decimals: 6))
        #expect(usd == PicoDollars(5_000_000_000_000) && price == PicoDollars(150_000))
        let none = try arguments.money("--other", decimals: 6)
        #expect(none == nil)
    }

    @Test func `an absent option has its default, or is an error if it is required`() throws {
        var arguments = arguments("")
        let timeout = try arguments.integer("--timeout", default: 3, in: 1...9)
        #expect(timeout == 3)
        #expect(throws: UsageError("REQUEST_ID is missing")) { try arguments.operand("REQUEST_ID") }
    }
}
