import type { Session } from "../../core/session/session.ts";
import type { AnswerMasks } from "./answers.ts";
import { compileRows } from "./rows.ts";
import type { Classifier } from "./statement.ts";
import { parseErrorFields } from "./wire/backend.ts";
import { errorResponse, noticeResponse } from "./wire/encode.ts";

/** Ties a session's masks and the classifier's knowledge of columns to what the serve loop needs. */
export function answerMasks(session: Session, classifier: Classifier): AnswerMasks {
  const { masks } = session;
  return {
    rows: (fields, statement) =>
      compileRows(fields, {
        masks,
        masking: statement.masking,
        maskedColumn: (tableOid, attribute) => classifier.maskedColumn(tableOid, attribute),
      }),
    copy: () => (frame) => masks.bytes(frame),
    text: (frame) => {
      const type = String.fromCharCode(frame.readUInt8(0));
      if (type !== "E" && type !== "N") return frame;
      const fields = Object.fromEntries([...parseErrorFields(frame)].map(([k, v]) => [k, masks.text(v)]));
      return type === "E" ? errorResponse(fields) : noticeResponse(fields);
    },
  };
}
