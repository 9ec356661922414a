import Contracts
import MessageBus

/// Decodes any headers and any value as an event. Zero bytes split the input into alternating names and values, and the
/// last part is the value of the record.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let parts = Array(UnsafeBufferPointer(start: start, count: count))
        .split(separator: 0, omittingEmptySubsequences: false).map(Array.init)
    var headers: [Header] = []
    for index in stride(from: 0, to: parts.count - 2, by: 2) {
        headers.append(Header(String(decoding: parts[index], as: UTF8.self), parts[index + 1]))
    }
    let record = Record(
        topic: "fuzz", partition: 0, offset: 0, timestamp: Timestamp(milliseconds: 0), key: nil, value: parts.last,
        headers: headers)
    guard let event = try? CloudEvent(record) else {
        _ = CloudEvent.identity(of: record)
        return 0
    }
    let written = event.record(topic: "fuzz", key: [])
    let again = Record(
        topic: "fuzz", partition: 0, offset: 0, timestamp: record.timestamp, key: [], value: written.value,
        headers: written.headers)
    precondition((try? CloudEvent(again)) == event, "an event changed by being written and read")
    return 0
}
