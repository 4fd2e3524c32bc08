import assert from "node:assert/strict";
import { parseEvidenceRequest } from "../../../../src/guest/evidence/request.ts";
import { InvalidRequest, NotFound } from "../../../../src/lib/errors.ts";

describe("a request for evidence", () => {
  const path = "/aa/evidence?runtime_data=";

  it("takes the text as it stands, also text that looks like hex", () => {
    assert.deepEqual(parseEvidenceRequest(`${path}00ff`), Buffer.from("00ff", "latin1"));
    assert.deepEqual(parseEvidenceRequest(`${path}a%20b`), Buffer.from("a b", "latin1"));
  });

  it("takes bytes as hex or base64 when told", () => {
    assert.deepEqual(parseEvidenceRequest(`${path}00ff&encoding=hex`), Buffer.of(0, 255));
    assert.deepEqual(parseEvidenceRequest(`${path}AP8%3D&encoding=base64`), Buffer.of(0, 255));
  });

  it("refuses what is not in the encoding that it names", () => {
    for (const query of ["0&encoding=hex", "zz&encoding=hex", "%25&encoding=base64", "00&encoding=rot13"]) {
      assert.throws(() => parseEvidenceRequest(path + query), InvalidRequest, query);
    }
  });

  it("refuses nonces that are missing, empty or longer than 64 bytes", () => {
    assert.throws(() => parseEvidenceRequest("/aa/evidence"), InvalidRequest);
    assert.throws(() => parseEvidenceRequest(path), InvalidRequest);
    assert.throws(() => parseEvidenceRequest(path + "x".repeat(65)), InvalidRequest);
    assert.equal(parseEvidenceRequest(path + "x".repeat(64)).length, 64);
  });

  it("knows one path only", () => {
    assert.throws(() => parseEvidenceRequest("/aa/token?runtime_data=x"), NotFound);
    assert.throws(() => parseEvidenceRequest("//"), InvalidRequest);
  });
});
