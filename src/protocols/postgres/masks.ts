import { IhcError } from "../../base/errors.ts";
import type { Masked } from "../../core/masking/rule.ts";
import type { Session } from "../../core/session/session.ts";
import { Arena } from "./arena.ts";
import { compileCopy } from "./copy.ts";
import type { AnswerMasks } from "./progress.ts";
import { compileRows } from "./rows.ts";
import type { Classifier } from "./statement.ts";
import { scrubMessage, scrubNotification, scrubParameter, type TextContext } from "./texts.ts";

/** Ties a session's masks and the classifier's knowledge of columns to what the serve loop needs. */
export function answerMasks(session: Session, classifier: Classifier): AnswerMasks {
  const { masks } = session;
  const arena = new Arena();
  return {
    rows: (fields, statement) =>
      compileRows(fields, {
        masks,
        masking: statement.masking,
        arena,
        maskedColumn: (tableOid, attribute) => classifier.maskedColumn(tableOid, attribute),
      }),
    copy: ({ does }) => {
      if (does.kind !== "copy-out")
        throw new IhcError("internal", "the server copies out what was not judged as such");
      return compileCopy(does, masks);
    },
    text: (frame, said) => text(frame, { masks, said }),
  };
}

function text(frame: Buffer, context: TextContext): Masked<Uint8Array> {
  switch (String.fromCharCode(frame.readUInt8(0))) {
    case "A":
      return scrubNotification(frame, context);
    case "S":
      return scrubParameter(frame, context);
    default:
      return scrubMessage(frame, context);
  }
}
