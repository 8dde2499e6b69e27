import { useEffect, useRef } from 'react';

function Video({ stream, ...rest }) {
  const ref = useRef(null);
  useEffect(() => {
    ref.current.srcObject = stream ?? null;
  }, [stream]);
  return <video ref={ref} autoPlay playsInline {...rest} />;
}

export default function CallView({ call }) {
  if (call.state === 'idle') {
    return call.notice && <p className="notice" role="alert" onClick={call.dismiss}>{call.notice}</p>;
  }
  return (
    <div className="call" role="dialog" data-state={call.state}>
      <h2>
        {call.state === 'ringing' && `${call.other.fullName} is calling (${call.isVideoCall ? 'video' : 'voice'})`}
        {call.state === 'calling' && `Calling ${call.other.fullName}…`}
        {call.state === 'talking' && call.other.fullName}
      </h2>
      {call.state === 'ringing' ? (
        <div className="videos">
          <img src={call.other.profilePic} alt="" />
        </div>
      ) : (
        <div className="videos">
          <Video stream={call.remote} className="theirs" />
          <Video stream={call.mine} className="own" muted />
        </div>
      )}
      <footer>
        {call.state === 'ringing' ? (
          <>
            <button className="good" onClick={call.accept}>Accept</button>
            <button className="bad" onClick={call.decline}>Decline</button>
          </>
        ) : (
          <button className="bad" onClick={call.hangUp}>Hang up</button>
        )}
      </footer>
    </div>
  );
}
