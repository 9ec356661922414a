import BuiltInCatalog
import Contracts
import JSON

/// Decodes any bytes as a request. A request that is accepted must be the same after encoding and decoding.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    let tenant = TenantID(rawValue: "fuzz")
    guard let request = try? Request.decode(bytes, eventID: "fuzz", tenant: tenant, deadline: nil, catalog: .builtIn)
    else { return 0 }
    let again = try? Request.decode(
        request.encode(), eventID: "fuzz", tenant: tenant, deadline: request.deadline, catalog: .builtIn)
    precondition(again == request, "a request changed by being written and read")
    return 0
}
